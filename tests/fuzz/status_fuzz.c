/* What the status service reads of strangers and of the CA: the path of GET /ocsp, signed requests, pages of
 * the log, its own files.  Whatever comes, nothing is stored that the log's rules forbid. */
#include "base/text.h"
#include "http/uri.h"
#include "status/entry.h"
#include "status/journal.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void read_path(struct slice in)
{
	AUTO_BUF(text, HTTP_URL_MAX);
	AUTO_BUF(der, OCSP_REQUEST_MAX);
	struct ocsp_request q;
	struct cert by;

	if (!rc_ok(uri_decode(in, false, &text)) || !rc_ok(text_base64(buf_slice(&text), &der)) ||
	    !rc_ok(ocsp_request_parse(buf_slice(&der), &q)))
		return;
	/* what is looked at lies in what was given */
	for (size_t i = 0; i < q.count; i++)
		if (q.ids[i].serial.len > 20 || q.ids[i].der.p < der.p ||
		    q.ids[i].der.p + q.ids[i].der.len > der.p + der.len)
			__builtin_trap();
	if (q.tbs.p < der.p || q.tbs.p + q.tbs.len > der.p + der.len)
		__builtin_trap();
	if (q.signature.len > 0 && rc_ok(ocsp_request_signer(&q, &by)))
		(void)rc_ok(ocsp_request_verify(&q, &by, &by, 0));
}

/* A page as the CA answers it; the leaf of an entry that was changed is never right. */
static void read_page(struct slice in)
{
	static struct status s = {.issuers = 1, .issuer = {{.id = "sm2"}}};
	struct applying a = {.s = &s, .into = &s.table};
	json_t *page = NULL;

	if (!rc_ok(json_read(in, 1 << 20, &page)))
		return;
	if (rc_ok(table_init(&s.table))) {
		if (rc_ok(json_get_array(page, "entries", LOG_READ_MAX, &a.entries)))
			for (size_t i = 0; i < json_array_size(a.entries); i++) {
				const json_t *e = json_array_get(a.entries, i);

				(void)rc_ok(log_entry_check(e, i, a.leaf));
				(void)rc_ok(entry_take(&a, NULL, e));
			}
		table_wipe(&s.table);
	}
	json_decref(page);
}

static struct rc take(void *arg, const struct table_entry *e)
{
	*(size_t *)arg += e->len;
	return OK;
}

static void read_files(struct slice in)
{
	char path[64];
	struct segment *s = NULL;
	uint64_t position = 0;
	size_t sum = 0;

	(void)snprintf(path, sizeof(path), "/tmp/yd-status-fuzz-%ld", (long)getpid());
	if (!rc_ok(file_write(path, in, 0600)))
		return;
	if (rc_ok(segment_open(path, "sm2 ", &s)))
		segment_free(s);
	(void)rc_ok(journal_read(path, &position, UINT64_MAX, take, &sum));
	(void)unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct slice in = len > 0 ? slice_of(p + 1, len - 1) : SLICE_NONE;

	if (len == 0)
		return 0;
	if (p[0] % 3 == 0)
		read_path(in);
	else if (p[0] % 3 == 1)
		read_page(in);
	else
		read_files(in);
	return 0;
}
