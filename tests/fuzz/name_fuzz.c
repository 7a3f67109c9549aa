/* Names: text that is taken comes back from its DER to the same DER; DER that is taken has a text. */
#include "pki/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO_BUF(der, NAME_DER_MAX);
	AUTO_BUF(text, 1 << 16);
	AUTO_BUF(again, NAME_DER_MAX);

	if (!rc_ok(name_from_text(slice_of(p, len), &der))) {
		(void)rc_ok(name_to_text(slice_of(p, len), &text));
		return 0;
	}
	if (!rc_ok(name_check(buf_slice(&der))) || !rc_ok(name_to_text(buf_slice(&der), &text)))
		abort();
	if (text.len <= NAME_TEXT_MAX && (!rc_ok(name_from_text(buf_slice(&text), &again)) ||
	                                  !slice_equal(buf_slice(&der), buf_slice(&again))))
		abort();
	return 0;
}
