#ifndef YD_BASE_JSON_H
#define YD_BASE_JSON_H
/* Strict JSON in (no duplicates, no NUL, depth and size capped), RFC 8785 out; the values are jansson's. */
#include "base/buf.h"
#include "base/auto.h"
#include <jansson.h>

#define JSON_MAX (4u << 20)
#define JSON_DEPTH 32

RC json_read(struct slice text, size_t max, json_t **ret);
/* RFC 8785 canonical form.  Numbers: integers in +-2^53 only.  A NULL value is RC_NOMEM: it could
 * not be built. */
RC json_canonical(const json_t *v, struct buf *ret);
/* As it stands, members in the order they were put, no more spaces than JSON needs. */
void json_text_to(struct buf *b, const json_t *v);
/* One quoted and escaped string; s must be UTF-8. */
void json_string_to(struct buf *b, const char *s, size_t len);
void json_integer_to(struct buf *b, int64_t v);
/* How much of s goes into a string as it stands, or out of one. */
size_t json_plain(struct slice s);
static inline void drop_json(json_t **p) { json_decref(*p); *p = NULL; }
#define AUTO_JSON(name, init) __attribute__((cleanup(drop_json))) json_t *name = (init)

/* Typed access; the error names the path.  Borrowed results.  *_opt leave *ret alone if absent. */
RC json_get(const json_t *o, const char *key, json_t **ret);
RC json_get_text(const json_t *o, const char *key, size_t max, struct slice *ret);
RC json_get_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *ret);
RC json_get_bool(const json_t *o, const char *key, bool *ret);
RC json_get_time(const json_t *o, const char *key, int64_t *ret);        /* RFC 3339 */
RC json_get_hex(const json_t *o, const char *key, uint8_t *ret, size_t len);
RC json_get_base64(const json_t *o, const char *key, size_t max, struct buf *ret);
RC json_get_array(const json_t *o, const char *key, size_t max, json_t **ret);
/* Refuses members that are not in the NULL-closed list. */
RC json_only(const json_t *o, ...) __attribute__((sentinel));

/* Building; every function accepts a NULL object and leaves it alone, so that one check at the end
 * (o != NULL) suffices.  A member that cannot be set (no memory, text not UTF-8) empties the object
 * and makes the next json_canonical() or json_put_result() of this thread fail. */
RC   json_put_result(void);
void json_put_text(json_t *o, const char *key, struct slice v);
void json_put_cstr(json_t *o, const char *key, const char *v);
void json_put_int(json_t *o, const char *key, int64_t v);
void json_put_bool(json_t *o, const char *key, bool v);
void json_put_time(json_t *o, const char *key, int64_t t);
void json_put_hex(json_t *o, const char *key, struct slice v);
void json_put_base64(json_t *o, const char *key, struct slice v);
void json_put_take(json_t *o, const char *key, json_t *v);

/* JSON Schema 2020-12, the part our schemas use: type, properties, required, additionalProperties
 * (false), items, enum, const, pattern (POSIX ERE), minLength/maxLength (code points),
 * minimum/maximum, minItems/maxItems, $defs/$ref (local).  An unknown keyword is an error.
 * The refusal names the JSON pointer of the offending value. */
RC json_check(const json_t *schema, const json_t *value);

#endif
