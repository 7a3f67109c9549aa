/* Text at the edge: times, base64, hex and PEM that are accepted write back as themselves. */
#include "base/text.h"
#include "base/time.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void times(struct slice s)
{
	char text[21];
	int64_t t, again;

	if (rc_ok(time_parse(s, &t))) {
		time_text(t, text);
		if (!rc_ok(time_parse(slice_text(text), &again)) || again != t)
			abort();
	}
	if (rc_ok(time_from_utc(s, &t)) || rc_ok(time_from_generalized(s, &t)))
		if (time_from_civil(time_civil(t)) != t)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice s = slice_of(data, size);
	AUTO_BUF(bytes, 1u << 20);
	AUTO_BUF(text, 1u << 20);
	AUTO_BUF(pem, 1u << 20);
	AUTO_BUF(any, 1u << 20);

	times(s);
	if (rc_ok(text_base64(s, &bytes))) {
		buf_base64(&text, buf_slice(&bytes));
		if (!slice_equal(buf_slice(&text), s))
			abort();
	}
	(void)rc_ok(text_pem(s, NULL, &pem));
	(void)rc_ok(text_base64url(s, &any));
	if (text_clean(s) && !text_utf8(s))
		abort();
	return 0;
}
