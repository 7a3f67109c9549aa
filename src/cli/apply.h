#ifndef YD_CLI_APPLY_H
#define YD_CLI_APPLY_H
/* Parts of the body of an application statement, from files. */
#include "cli/officer.h"
#include "pki/cert.h"

#define CERTIFICATE_CA 48
/* "sm2/0A1B" to "sm2" and "a1b" (cmd_revoke.c). */
RC certificate_name(const char *name, char ca[CERTIFICATE_CA + 1], char serial[CERT_SERIAL_TEXT]);

/* cmd_recover.c: certificate, envelope and (with --key) key of one recovered generation, into --out. */
RC recovered_write(struct cli *c, const json_t *one);

/* cmd_apply.c */
/* "TYPE=FILE": uploads the file and adds {type, sm3, size} to the list. */
RC apply_evidence(struct officer *o, const char *spec, json_t *list);
RC apply_csr(const char *path, json_t *body);
/* identity, purpose, region and agreement go over as they are; whether they fit is the RA's to say. */
RC apply_data(const char *path, json_t *body);
/* The hash of the agreement's text, as the RA has it, into the body. */
RC apply_agreement(struct officer *o, json_t *body);

#endif
