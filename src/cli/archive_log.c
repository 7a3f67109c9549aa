/* From an exported log: entries about the certificates of an archive, under its newest head. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/archive.h"
#include "evidence/log.h"
#include "evidence/tree.h"
#include "sm/sm3.h"

#include <stdio.h>

#define LINE_ROOM (1 << 20)
#define FOUND_MAX 16

struct found {
	uint64_t index;
	json_t *entry;
};
struct export
{
	FILE *file;
	char *line; /* LINE_ROOM */
	struct buf head;
	uint64_t size; /* of the newest head */
	tree_hash *leaf;
	size_t count, room;
	struct found found[FOUND_MAX];
	size_t found_count;
};

static void export_free(struct export *x)
{
	if (x->file != NULL)
		(void)fclose(x->file);
	mem_free(x->line);
	mem_free(x->leaf);
	buf_free(&x->head);
	for (size_t i = 0; i < x->found_count; i++)
		json_decref(x->found[i].entry);
}

/* Whether the entry names one of the archive's certificates. */
static bool concerns(const struct archive *a, const json_t *entry)
{
	const json_t *data = json_object_get(entry, "data");
	uint8_t named[SM3_LEN], hash[SM3_LEN];

	if (json_object_get(data, "certificate") == NULL ||
	    !rc_ok(json_get_hex(data, "certificate", named, sizeof(named))))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (a->object[i].kind != ARCHIVE_CERTIFICATE)
			continue;
		sm3_hash(buf_slice(&a->object[i].data), hash);
		if (memcmp(hash, named, sizeof(hash)) == 0)
			return true;
	}
	return false;
}

static RC take_head(struct export *x, const json_t *o)
{
	int64_t size;

	TRY(json_get_int(o, "size", 0, INT64_MAX, &size));
	if ((uint64_t)size < x->size)
		return OK;
	x->size = (uint64_t)size;
	buf_clear(&x->head);
	return json_get_base64(o, "statement", STATEMENT_MAX, &x->head);
}

static RC take_entry(struct export *x, const struct archive *a, const json_t *o)
{
	AUTO_BUF(text, LOG_ENTRY_MAX);
	json_t *entry;

	TRY(json_get(o, "entry", &entry));
	if (x->count == x->room) {
		size_t room = x->room == 0 ? 4096 : 2 * x->room;
		tree_hash *more = mem_grow(x->leaf, room, sizeof(*more));

		NEED(more != NULL, RC_NOMEM, "no memory");
		x->leaf = more;
		x->room = room;
	}
	TRY(json_canonical(entry, &text));
	TRY(buf_done(&text));
	log_leaf(buf_slice(&text), x->leaf[x->count]);
	if (x->found_count < FOUND_MAX && concerns(a, entry))
		x->found[x->found_count++] = (struct found){x->count, json_incref(entry)};
	x->count++;
	return OK;
}

static RC read_all(struct export *x, const struct archive *a)
{
	while (fgets(x->line, LINE_ROOM, x->file) != NULL) {
		AUTO_JSON(o, NULL);
		size_t len = strlen(x->line);

		NEED(len > 0 && x->line[len - 1] == '\n', RC_INPUT, "a line is too long or has no end");
		TRY(json_read(slice_of(x->line, len), LINE_ROOM, &o));
		if (json_object_get(o, "statement") != NULL)
			TRY(take_head(x, o));
		else if (json_object_get(o, "entry") != NULL)
			TRY(take_entry(x, a, o));
	}
	return OK;
}

static struct rc node(void *arg, unsigned level, uint64_t index, tree_hash ret)
{
	const struct export *x = arg;
	tree_hash right;

	if (level == 0) {
		memcpy(ret, x->leaf[index], TREE_HASH);
		return OK;
	}
	TRY(node(arg, level - 1, 2 * index, ret));
	TRY(node(arg, level - 1, 2 * index + 1, right));
	tree_node(ret, right, ret);
	return OK;
}

static RC add_found(struct export *x, const struct found *f, struct archive *a)
{
	struct tree_reader r = {.node = node, .arg = x};
	AUTO_JSON(doc, json_object());
	AUTO_JSON(list, json_array());
	AUTO_BUF(text, ARCHIVE_OBJECT_MAX);
	struct tree_proof proof;

	TRY(tree_inclusion(&r, f->index, x->size, &proof));
	for (size_t i = 0; i < proof.count; i++) {
		AUTO_BUF(hex, 2 * TREE_HASH + 1);

		buf_hex(&hex, SLICE_ARR(proof.hash[i]));
		TRY(buf_done(&hex));
		NEED(json_array_append_new(list, json_string(buf_cstr(&hex))) == 0, RC_NOMEM, "no memory");
	}
	json_put_take(doc, "entry", json_incref(f->entry));
	json_put_int(doc, "index", (int64_t)f->index);
	json_put_int(doc, "size", (int64_t)x->size);
	json_put_take(doc, "proof", json_incref(list));
	TRY(json_put_result());
	TRY(json_canonical(doc, &text));
	TRY(buf_done(&text));
	return archive_add(a, ARCHIVE_ENTRY, buf_slice(&text));
}

RC archive_add_log(struct archive *a, const char *path)
{
	__attribute__((cleanup(export_free))) struct export x = {
	        .file = fopen(path, "rbe"), .line = mem_new(LINE_ROOM, 1), .head = BUF(STATEMENT_MAX)};

	NEED(x.file != NULL, RC_NOTFOUND, "%s cannot be read", path);
	NEED(x.line != NULL, RC_NOMEM, "no memory");
	TRY(read_all(&x, a));
	REQUIRE(x.head.len > 0 && x.size <= x.count, LOG_HEAD, "no head over the entries that are there");
	for (size_t i = 0; i < x.found_count; i++)
		if (x.found[i].index < x.size)
			TRY(add_found(&x, &x.found[i], a));
	return archive_add(a, ARCHIVE_STATEMENT, buf_slice(&x.head));
}
