/* Certificates: any bytes parse or are refused; what parses can be shown, linted, linked and verified. */
#include "pki/chain.h"
#include "pki/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct lint_rules rules = {LINT_ANY, NULL, 0};
	AUTO_BUF(text, 1 << 20);
	struct slice uri;
	struct lint l;
	struct cert c;

	if (!rc_ok(cert_parse(slice_of(p, len), &c)) && !rc_ok(cert_parse_tbs(slice_of(p, len), &c)))
		return 0;
	(void)rc_ok(cert_to_text(&c, &text));
	(void)rc_ok(cert_uri(&c, "urn:uuid:", &uri));
	(void)rc_ok(chain_link(&c, &c, CHAIN_ANY_TIME));
	lint_cert(&c, &rules, &l);
	lint_pair(&c, &c, &l);
	return 0;
}
