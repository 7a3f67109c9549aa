#include "bench/rows.h"

#include "base/json.h"
#include "base/text.h"

#include <openssl/opensslv.h>

RC rows_add(struct bench_rows *r, const struct bench_row *row)
{
	const char *use = getenv("SM_USE"); /* sm/cpu.h */
	struct bench_row *at = &r->at[r->count];

	NEED(r->count < BENCH_ROWS_MAX, RC_BUG, "bench: more than %d rows", BENCH_ROWS_MAX);
	*at = *row;
	/* measured with less than this CPU can do: a row of its own, to be held beside the other */
	if (use != NULL)
		(void)snprintf(at->name, sizeof(at->name), "%s.%s", row->name, use);
	r->count++;
	return OK;
}

const char *rows_openssl(void)
{
	return "OpenSSL " OPENSSL_VERSION_STR;
}

static double ratio(const struct bench_row *r)
{
	return r->peer != NULL && r->peer_value > 0 ? r->value / r->peer_value : 0;
}

static json_t *real_or_null(double v, bool there)
{
	return there ? json_real(v) : json_null();
}

static json_t *row_json(const struct bench_row *r)
{
	json_t *o = json_object();
	bool peer = r->peer != NULL;

	json_put_cstr(o, "name", r->name);
	json_put_take(o, "value", json_real(r->value));
	json_put_cstr(o, "unit", r->unit);
	json_put_take(o, "peer", peer ? json_string(r->peer) : json_null());
	json_put_take(o, "peer_value", real_or_null(r->peer_value, peer));
	json_put_take(o, "ratio", real_or_null(ratio(r), peer));
	return o;
}

static void replace(json_t *list, json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *other = json_string_value(json_object_get(one, "name"));

		if (name != NULL && other != NULL && strcmp(name, other) == 0) {
			(void)json_array_set_new(list, i, row);
			return;
		}
	}
	(void)json_array_append_new(list, row);
}

static RC dump(const json_t *list, struct buf *ret)
{
	size_t len = json_dumpb(list, NULL, 0, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	uint8_t *room = buf_room(ret, len);

	NEED(room != NULL && len > 0, RC_NOMEM, "bench: no memory");
	ret->len += json_dumpb(list, (char *)room, len, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	buf_text(ret, "\n");
	return buf_done(ret);
}

static void print_table(const struct bench_rows *r, FILE *to)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		const struct bench_row *row = &r->at[i];

		fprintf(to, "%-32s %12.6g %-8s", row->name, row->value, row->unit);
		if (row->peer != NULL)
			fprintf(to, " %s %.6g, ratio %.2f", row->peer, row->peer_value, ratio(row));
		fputc('\n', to);
	}
}

RC rows_print(const struct bench_rows *r, bool json, FILE *to)
{
	AUTO_JSON(list, json_array());
	AUTO_BUF(text, BENCH_FILE_MAX);
	size_t i;

	if (!json) {
		print_table(r, to);
		return OK;
	}
	for (i = 0; i < r->count; i++)
		(void)json_array_append_new(list, row_json(&r->at[i]));
	TRY(json_put_result());
	TRY(dump(list, &text));
	fputs(buf_cstr(&text), to);
	return OK;
}

RC rows_save(const struct bench_rows *r, const char *path)
{
	AUTO_JSON(list, NULL);
	AUTO_BUF(text, BENCH_FILE_MAX);
	size_t i;

	if (rc_ok(file_read(path, BENCH_FILE_MAX, &text)))
		list = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(list)) {
		json_decref(list);
		list = json_array();
	}
	for (i = 0; i < r->count; i++)
		replace(list, row_json(&r->at[i]));
	TRY(json_put_result());
	buf_clear(&text);
	TRY(dump(list, &text));
	return file_write(path, buf_slice(&text), 0644);
}
