#ifndef YD_SIGNER_SERIAL_H
#define YD_SIGNER_SERIAL_H
/* Serial numbers of subscriber certificates: the signer's keyed function of the approval, the subscriber's
 * signing key and the part.  The role asks for them, the signer makes them again before it signs, so one
 * approval never has more than two serial numbers, whatever the role does.  The signing key stands in it
 * so that a serial number tells to whom the KMC may seal the encryption key that belongs to it. */
#include "base/buf.h"

#include <string.h>

#define SIGNER_SERIAL_LEN 16
#define SIGNER_SERIAL_INPUT 80

/* What goes into signer_prf: SM3 of the approval, SM3 of the signing key's SPKI, the part. */
static inline struct slice signer_serial_input(const uint8_t approval[32], const uint8_t spki[32],
                                               bool encrypt, uint8_t room[SIGNER_SERIAL_INPUT])
{
	const char *part = encrypt ? "encrypt" : "sign";

	memcpy(room, approval, 32);
	memcpy(room + 32, spki, 32);
	memcpy(room + 64, part, strlen(part));
	return slice_of(room, 64 + strlen(part));
}

/* Positive, no leading zero byte: 16 bytes on the wire (RFC 5280 4.1.2.2). */
static inline void signer_serial_take(const uint8_t value[SIGNER_SERIAL_LEN], uint8_t ret[SIGNER_SERIAL_LEN])
{
	memcpy(ret, value, SIGNER_SERIAL_LEN);
	ret[0] &= 0x7f;
	if (ret[0] == 0)
		ret[0] = 0x40;
}

/* In the signer: is it the serial number of that approval, key and part? */
struct signer;
RC signer_serial_is(const struct signer *s, struct slice serial, const uint8_t approval[32],
                    const uint8_t spki[32], bool encrypt);

#endif
