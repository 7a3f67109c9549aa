#ifndef YD_ARCHIVE_ARCHIVE_H
#define YD_ARCHIVE_ARCHIVE_H
/* Archive proof (R24.11): one file that shows, after every certificate in it has expired, that certificates
 * were issued by the rules and what their state was.  It is canonical JSON (docs/evidence.md): layers of
 * objects, each closed by a time stamp over everything up to it, so that a later stamp carries an earlier one
 * beyond the end of its key.  Pure: bytes in, bytes out. */
#include "base/json.h"
#include "statement/statement.h"

#define ARCHIVE_MAX (64u << 20)
#define ARCHIVE_OBJECT_MAX (24u << 20)
#define ARCHIVE_OBJECTS 256 /* of all layers */
#define ARCHIVE_LAYERS 64
#define ARCHIVE_HASH 32
#define ARCHIVE_MEDIA "application/vnd.yuandian.archive"

/* kinds.def of an archive: what an object is */
enum archive_kind {
	ARCHIVE_CERTIFICATE, /* what the archive is about */
	ARCHIVE_AUTHORITY,   /* certificates above them and above the stamps' */
	ARCHIVE_CRL,
	ARCHIVE_OCSP,
	ARCHIVE_STATEMENT,
	ARCHIVE_ENTRY, /* {"entry","index","proof","size"}: of the log, included in a head of that size */
	ARCHIVE_KINDS
};
const char *archive_kind_name(enum archive_kind k);
RC archive_kind_find(struct slice name, enum archive_kind *ret);

struct archive_object {
	enum archive_kind kind;
	size_t layer;
	struct buf data; /* DER; of an entry canonical JSON */
};
struct archive {
	size_t count, layers; /* the newest layer may lack its stamp */
	struct archive_object object[ARCHIVE_OBJECTS];
	struct buf stamp[ARCHIVE_LAYERS]; /* len 0: not stamped yet */
};
RC archive_new(struct archive **ret);
void archive_free(struct archive *a);
DROP(archive, archive_free);

/* Into the newest layer without a stamp; after a stamp a new one begins.  The same object twice is once. */
RC archive_add(struct archive *a, enum archive_kind kind, struct slice data);
/* SM3 of what the next stamp is over; begins a layer where there is none without a stamp. */
RC archive_imprint(struct archive *a, uint8_t ret[ARCHIVE_HASH]);
/* Refuses a token over anything else (timestamp-imprint). */
RC archive_stamp(struct archive *a, struct slice token);

/* Refuses whatever is not the one form of an archive. */
RC archive_read(struct slice text, struct archive **ret);
RC archive_write(const struct archive *a, struct buf *ret);

/* What layer n's stamp is over. */
RC archive_layer_imprint(const struct archive *a, size_t n, uint8_t ret[ARCHIVE_HASH]);

#endif
