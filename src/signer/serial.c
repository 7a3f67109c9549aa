#include "signer/serial.h"

#include "signer/state.h"

RC signer_serial_is(const struct signer *s, struct slice serial, const uint8_t approval[32],
                    const uint8_t spki[32], bool encrypt)
{
	uint8_t room[SIGNER_SERIAL_INPUT], value[SIGNER_SERIAL_LEN], want[SIGNER_SERIAL_LEN];
	TRY(key_prf(s->keys, slice_text(s->name), signer_serial_input(approval, spki, encrypt, room), value));
	signer_serial_take(value, want);
	REQUIRE(slice_equal(serial, SLICE_ARR(want)), SIGNER_SERIAL,
	        "the serial number is not this approval's");
	return OK;
}
