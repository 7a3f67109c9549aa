#include "archive/archive.h"

#include "base/mem.h"
#include "base/text.h"
#include "pki/tsp.h"
#include "sm/sm3.h"

#define SCHEMA "yuandian/archive/v1"

static const char *const names[ARCHIVE_KINDS] = {
        [ARCHIVE_CERTIFICATE] = "certificate",
        [ARCHIVE_AUTHORITY] = "authority",
        [ARCHIVE_CRL] = "crl",
        [ARCHIVE_OCSP] = "ocsp",
        [ARCHIVE_STATEMENT] = "statement",
        [ARCHIVE_ENTRY] = "entry",
};

const char *archive_kind_name(enum archive_kind k)
{
	return k < ARCHIVE_KINDS ? names[k] : "";
}

RC archive_kind_find(struct slice name, enum archive_kind *ret)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (slice_is(name, names[i])) {
			*ret = (enum archive_kind)i;
			return OK;
		}
	REFUSE(ARCHIVE_FORM, "archive: unknown kind of object");
}

/* ---- life ---- */

RC archive_new(struct archive **ret)
{
	struct archive *a = mem_new(1, sizeof(*a));

	NEED(a != NULL, RC_NOMEM, "archive: no memory");
	for (size_t i = 0; i < ARCHIVE_OBJECTS; i++)
		a->object[i].data = BUF(ARCHIVE_OBJECT_MAX);
	for (size_t i = 0; i < ARCHIVE_LAYERS; i++)
		a->stamp[i] = BUF(TSP_MAX);
	*ret = a;
	return OK;
}

void archive_free(struct archive *a)
{
	for (size_t i = 0; a != NULL && i < ARCHIVE_OBJECTS; i++)
		buf_free(&a->object[i].data);
	for (size_t i = 0; a != NULL && i < ARCHIVE_LAYERS; i++)
		buf_free(&a->stamp[i]);
	mem_free(a);
}

/* ---- growing ---- */

static RC open_layer(struct archive *a)
{
	if (a->layers > 0 && a->stamp[a->layers - 1].len == 0)
		return OK;
	NEED(a->layers < ARCHIVE_LAYERS, RC_INPUT, "archive: more than %d stamps", ARCHIVE_LAYERS);
	a->layers++;
	return OK;
}

RC archive_add(struct archive *a, enum archive_kind kind, struct slice data)
{
	struct archive_object *o;

	for (size_t i = 0; i < a->count; i++)
		if (a->object[i].kind == kind && slice_equal(buf_slice(&a->object[i].data), data))
			return OK;
	NEED(a->count < ARCHIVE_OBJECTS, RC_INPUT, "archive: more than %d objects", ARCHIVE_OBJECTS);
	NEED(data.len > 0, RC_INPUT, "archive: an empty object");
	TRY(open_layer(a));
	o = &a->object[a->count];
	o->kind = kind;
	o->layer = a->layers - 1;
	buf_add(&o->data, data);
	TRY(buf_done(&o->data));
	a->count++;
	return OK;
}

RC archive_imprint(struct archive *a, uint8_t ret[ARCHIVE_HASH])
{
	TRY(open_layer(a));
	return archive_layer_imprint(a, a->layers - 1, ret);
}

RC archive_stamp(struct archive *a, struct slice token)
{
	uint8_t imprint[ARCHIVE_HASH];
	struct tsp_token t;

	TRY(archive_imprint(a, imprint));
	TRY(tsp_token_parse(token, &t));
	TRY(tsp_token_own_form(&t, token));
	REQUIRE(memcmp(t.info.imprint, imprint, sizeof(imprint)) == 0, TSP_IMPRINT,
	        "archive: the time stamp is over something else");
	buf_add(&a->stamp[a->layers - 1], token);
	return buf_done(&a->stamp[a->layers - 1]);
}

/* ---- writing ---- */

static RC layer_json(const struct archive *a, size_t n, bool with_stamp, json_t *list)
{
	AUTO_JSON(layer, json_object());
	AUTO_JSON(objects, json_array());

	for (size_t i = 0; i < a->count; i++) {
		json_t *o;

		if (a->object[i].layer != n)
			continue;
		o = json_object();
		json_put_cstr(o, "kind", names[a->object[i].kind]);
		json_put_base64(o, "data", buf_slice(&a->object[i].data));
		NEED(json_array_append_new(objects, o) == 0, RC_NOMEM, "archive: no memory");
	}
	json_put_take(layer, "objects", json_incref(objects));
	if (with_stamp)
		json_put_base64(layer, "stamp", buf_slice(&a->stamp[n]));
	TRY(json_put_result());
	NEED(layer != NULL && json_array_append(list, layer) == 0, RC_NOMEM, "archive: no memory");
	return OK;
}

/* The document up to layer `last`, whose stamp is left out on demand. */
static RC document(const struct archive *a, size_t count, bool last_stamp, struct buf *ret)
{
	AUTO_JSON(o, json_object());
	AUTO_JSON(list, json_array());

	for (size_t n = 0; n < count; n++)
		TRY(layer_json(a, n, n + 1 < count || (last_stamp && a->stamp[n].len > 0), list));
	json_put_cstr(o, "schema", SCHEMA);
	json_put_take(o, "layers", json_incref(list));
	TRY(json_put_result());
	TRY(json_canonical(o, ret));
	return buf_done(ret);
}

RC archive_layer_imprint(const struct archive *a, size_t n, uint8_t ret[ARCHIVE_HASH])
{
	AUTO_BUF(text, ARCHIVE_MAX);

	TRY(document(a, n + 1, false, &text));
	sm3_hash(buf_slice(&text), ret);
	return OK;
}

RC archive_write(const struct archive *a, struct buf *ret)
{
	return document(a, a->layers, true, ret);
}

/* ---- reading ---- */

static RC read_objects(struct archive *a, const json_t *layer)
{
	json_t *list, *one;
	size_t i;

	TRY(json_get_array(layer, "objects", ARCHIVE_OBJECTS, &list));
	json_array_foreach(list, i, one)
	{
		struct archive_object *o = &a->object[a->count];
		struct slice kind;

		NEED(a->count < ARCHIVE_OBJECTS, RC_INPUT, "archive: more than %d objects", ARCHIVE_OBJECTS);
		TRY(json_only(one, "kind", "data", NULL));
		TRY(json_get_text(one, "kind", 32, &kind));
		TRY(archive_kind_find(kind, &o->kind));
		TRY(json_get_base64(one, "data", ARCHIVE_OBJECT_MAX, &o->data));
		o->layer = a->layers;
		a->count++;
	}
	return OK;
}

static RC read_layers(struct archive *a, const json_t *doc)
{
	json_t *list, *layer;
	size_t i;

	TRY(json_only(doc, "schema", "layers", NULL));
	TRY(json_get_array(doc, "layers", ARCHIVE_LAYERS, &list));
	json_array_foreach(list, i, layer)
	{
		TRY(json_only(layer, "objects", "stamp", NULL));
		TRY(read_objects(a, layer));
		if (json_object_get(layer, "stamp") != NULL)
			TRY(json_get_base64(layer, "stamp", TSP_MAX, &a->stamp[i]));
		a->layers++;
	}
	return OK;
}

static struct rc as_form(struct rc rc)
{
	if (rc.code != RC_INPUT)
		return rc;
	struct rc_text t = *rc_last();

	t.err = ERR_ARCHIVE_FORM;
	return rc_restore(&t);
}

RC archive_read(struct slice text, struct archive **ret)
{
	AUTO(archive, a, NULL);
	AUTO_JSON(doc, NULL);
	AUTO_BUF(again, ARCHIVE_MAX);

	TRY(archive_new(&a));
	TRY(as_form(json_read(text, ARCHIVE_MAX, &doc)));
	TRY(as_form(read_layers(a, doc)));
	TRY(archive_write(a, &again));
	REQUIRE(slice_equal(text, buf_slice(&again)), ARCHIVE_FORM, "archive: not the one form (RFC 8785)");
	*ret = MOVE(a);
	return OK;
}
