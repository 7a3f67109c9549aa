#include "authority/list.h"

#include "authority/crl_maker.h"
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/crl.h"
#include "signer/client.h"
#include "sm/sm3.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RESTORE_JUMP (1ll << 32) /* more lists than anybody makes between a backup and its restoration */

struct making {
	struct instance *in;
	const struct trust_authority *a;
	struct crl_row row;
	/* the walk over the rows, one read transaction */
	struct db *db;
	struct db_rows *rows;
	/* where the TBS goes */
	int fd;
	struct sm3 hash;
	uint8_t wanted[32]; /* SM3 of what was written */
	size_t length;
	struct buf der;
};

RC list_path(const struct instance *in, const char *ca, int64_t number, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/crl/%s-%lld.crl", instance_dir(in), ca, (long long)number);

	NEED(n > 0 && (size_t)n < size, RC_INPUT, "the name of the data folder is too long");
	return OK;
}

bool list_present(const struct instance *in, const char *ca, const struct crl_row *row)
{
	AUTO_BUF(der, CRL_FILE_MAX);
	char path[LIST_PATH_MAX];
	uint8_t hash[32];

	if (!rc_ok(list_path(in, ca, row->number, path, sizeof(path))) ||
	    !rc_ok(file_read(path, CRL_FILE_MAX, &der)))
		return false;
	sm3_hash(buf_slice(&der), hash);
	return memcmp(hash, row->sm3, sizeof(hash)) == 0;
}

/* ---- rows → entries ---- */

static struct rc rows_rewind(void *arg)
{
	struct making *m = arg;

	db_rows_free(m->rows);
	m->rows = NULL;
	return authority_store_walk(m->db, m->a->id, m->row.last_seq, &m->rows);
}

static struct rc rows_next(void *arg, struct crl_entry *ret, bool *more)
{
	struct making *m = arg;
	struct revocation r;

	TRY(authority_store_step(m->rows, &r, more));
	if (*more)
		*ret = (struct crl_entry){
		        .serial = r.serial,
		        .revoked_at = r.since,
		        .reason = (enum crl_reason)r.reason,
		        .has_invalidity = r.has_invalidity,
		        .invalidity = r.invalidity,
		};
	return OK;
}

/* ---- TBS → sealed memfd ---- */

static struct rc sink(void *arg, struct slice piece)
{
	struct making *m = arg;

	sm3_update(&m->hash, piece);
	while (piece.len > 0) {
		ssize_t n = write(m->fd, piece.p, piece.len);

		NEED(n > 0, RC_BUSY, "cannot write the revocation list");
		piece.p += n;
		piece.len -= (size_t)n;
	}
	return OK;
}

static RC number_next(struct making *m)
{
	struct crl_row last;
	struct rc rc = authority_store_crl_last(m->db, m->a->id, &last);

	m->row.number = 1;
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	m->row.number = last.number + 1;
	/* lists made after the backup are out in the world: no number of theirs comes again (R12.5) */
	if (last.this_update < instance_restored(m->in))
		m->row.number += RESTORE_JUMP;
	return OK;
}

static RC write_tbs(struct making *m, int64_t validity)
{
	struct crl_source source = {m, rows_rewind, rows_next};
	struct crl_head head;

	TRY(number_next(m));
	TRY(authority_store_last(m->db, m->a->id, &m->row.last_seq, &m->row.entries));
	m->row.this_update = clock_now();
	m->row.next_update = m->row.this_update + validity;
	head = (struct crl_head){
	        .alg = sigalg_of(m->a->issue.key, m->a->issue.sm2_null),
	        .issuer = m->a->issue.name,
	        .this_update = m->row.this_update,
	        .next_update = m->row.next_update,
	        .number = (uint64_t)m->row.number,
	        .aki = m->a->issue.ski,
	};
	sm3_init(&m->hash);
	TRY(crl_tbs_write(&head, &source, sink, m, &m->length));
	sm3_final(&m->hash, m->wanted);
	NEED(fcntl(m->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0,
	     RC_BUSY, "cannot seal the revocation list");
	return OK;
}

/* The rows of one instant, whatever is written meanwhile. */
static RC stream(struct making *m, int64_t validity)
{
	AUTO(db_lease, lease, NULL);
	struct rc rc;

	TRY(db_pool_lease(instance_readers(m->in), &lease));
	m->db = lease->db;
	TRY(db_verb(m->db, DB_BEGIN));
	rc = write_tbs(m, validity);
	db_rows_free(m->rows);
	m->rows = NULL;
	if (rc_ok(rc))
		return db_verb(m->db, DB_COMMIT);
	(void)rc_ok(db_verb(m->db, DB_ROLLBACK));
	return rc;
}

/* ---- signature, check, publication ---- */

static RC check_and_assemble(struct making *m, struct slice signature)
{
	void *p = mmap(NULL, m->length, PROT_READ, MAP_SHARED, m->fd, 0);
	uint8_t now[32];
	struct crl crl;
	struct rc rc;

	NEED(p != MAP_FAILED, RC_NOMEM, "cannot map the revocation list");
	sm3_hash(slice_of(p, m->length), now);
	rc = memcmp(now, m->wanted, sizeof(now)) == 0
	             ? crl_assemble(slice_of(p, m->length), sigalg_of(m->a->issue.key, m->a->issue.sm2_null),
	                            signature, &m->der)
	             : rc_refuse(ERR_CRL_CHANGED, "the list of %s changed in memory", m->a->id);
	(void)munmap(p, m->length);
	TRY(rc);
	TRY(crl_parse(buf_slice(&m->der), &crl));
	REQUIRE(rc_ok(crl_verify(&crl, &m->a->cert.key)), CRL_CHANGED,
	        "the signature of the list of %s does not verify", m->a->id);
	sm3_hash(buf_slice(&m->der), m->row.sm3);
	return OK;
}

static RC sign(struct making *m)
{
	AUTO_BUF(signature, KEY_SIG_MAX);

	TRY(signer_crl(instance_signer(m->in), slice_text(m->a->id), m->fd, &signature));
	NEED(signature.len <= sizeof(m->row.signature), RC_BUG, "a signature of %zu bytes", signature.len);
	memcpy(m->row.signature, signature.p, signature.len);
	m->row.signature_len = signature.len;
	return check_and_assemble(m, buf_slice(&signature));
}

static struct rc commit(struct db_tx *tx, void *arg)
{
	struct making *m = arg;
	AUTO_JSON(o, json_object());

	TRY(authority_store_crl_put(tx->db, m->a->id, &m->row));
	json_put_cstr(o, "ca", m->a->id);
	json_put_int(o, "number", m->row.number);
	json_put_hex(o, "sm3", SLICE_ARR(m->row.sm3));
	json_put_time(o, "this_update", m->row.this_update);
	json_put_time(o, "next_update", m->row.next_update);
	json_put_int(o, "entries", m->row.entries);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(m->in), tx, "crl", o, NULL, NULL);
}

/* The file is durable before the row that tells of it; a file without a row is written over. */
static RC publish(struct making *m)
{
	char path[LIST_PATH_MAX];

	TRY(list_path(m->in, m->a->id, m->row.number, path, sizeof(path)));
	TRY(file_write(path, buf_slice(&m->der), 0640));
	TRY(writer_run_first(instance_writer(m->in), commit, m));
	/* a reader may still have the one before: keep that, remove the one before it */
	if (m->row.number > 2 && rc_ok(list_path(m->in, m->a->id, m->row.number - 2, path, sizeof(path))))
		(void)unlink(path);
	return OK;
}

RC list_make(struct instance *in, const struct trust_authority *a, int64_t validity, struct crl_row *ret)
{
	struct making m = {.in = in, .a = a, .der = BUF(CRL_FILE_MAX)};
	char folder[LIST_PATH_MAX];
	struct rc rc;
	int n = snprintf(folder, sizeof(folder), "%s/crl", instance_dir(in));

	NEED(n > 0 && (size_t)n < sizeof(folder), RC_INPUT, "the name of the data folder is too long");
	TRY(dir_make(folder, 0750));
	m.fd = memfd_create("crl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	NEED(m.fd >= 0, RC_BUSY, "no memory file for the revocation list");
	rc = stream(&m, validity);
	if (rc_ok(rc))
		rc = sign(&m);
	if (rc_ok(rc))
		rc = publish(&m);
	close(m.fd);
	buf_free(&m.der);
	*ret = m.row;
	return rc;
}
