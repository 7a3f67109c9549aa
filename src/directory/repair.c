/* Compares every entry with what it shall be; what differs waits to be written, what nobody knows to be taken
 * out. */
#include "directory/inner.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define PAGE 64

static bool same(struct link_values *a, struct link_values *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		size_t k = 0;

		while (k < b->count && !slice_equal(buf_slice(&a->at[i]), buf_slice(&b->at[k])))
			k++;
		if (k == b->count)
			return false;
	}
	return true;
}

struct pair_of_values {
	struct link_values want, there;
};

static RC compare(struct directory *d, struct db *db, const char *name, bool *equal)
{
	AUTO_BUF(dn, DIRECTORY_BASE_MAX + DIRECTORY_NAME_MAX + 8);
	AUTO_MEM(struct pair_of_values, v, mem_new(1, sizeof(*v)));
	struct rc rc;

	NEED(v != NULL, RC_NOMEM, "no memory");
	TRY(entry_dn(d, name, &dn));
	rc = directory_store_good(db, name, clock_now(), &v->want);
	if (rc_ok(rc))
		rc = link_values(d->link, buf_cstr(&dn), "userCertificate;binary", &v->there);
	*equal = rc_ok(rc) && same(&v->want, &v->there);
	link_values_free(&v->want);
	link_values_free(&v->there);
	return rc;
}

static RC page(struct directory *d, struct db *db, char (*name)[DIRECTORY_NAME_MAX + 1], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool equal;

		TRY(compare(d, db, name[i], &equal));
		atomic_fetch_add(&d->compared, 1);
		if (equal)
			continue;
		atomic_fetch_add(&d->mended, 1);
		TRY(publish_wait(d, name[i]));
	}
	return OK;
}

struct strangers {
	struct directory *d;
	struct db *db;
};

static struct rc stranger(void *arg, const char *uid)
{
	struct strangers *s = arg;
	AUTO_MEM(struct link_values, good, mem_new(1, sizeof(*good)));
	struct rc rc;
	bool known;

	NEED(good != NULL, RC_NOMEM, "no memory");
	rc = directory_store_good(s->db, uid, clock_now(), good);
	known = good->count > 0;
	link_values_free(good);
	TRY(rc);
	if (known)
		return OK;
	atomic_fetch_add(&s->d->strangers, 1);
	return publish_wait(s->d, uid);
}

static RC authorities(struct directory *d)
{
	AUTO(trust, t, instance_trust(d->in));
	const struct trust_authority *a;

	for (size_t i = 0; (a = trust_authority_at(t, i)) != NULL; i++) {
		AUTO_BUF(name, DIRECTORY_NAME_MAX);

		buf_printf(&name, "ca/%s", a->id);
		TRY(buf_done(&name));
		TRY(publish_wait(d, buf_cstr(&name)));
	}
	return OK;
}

RC repair_run(struct directory *d)
{
	AUTO(db_lease, lease, NULL);
	char name[PAGE][DIRECTORY_NAME_MAX + 1], after[DIRECTORY_NAME_MAX + 1] = "";
	struct strangers s = {.d = d};
	size_t n;

	atomic_store(&d->compared, 0);
	atomic_store(&d->mended, 0);
	atomic_store(&d->strangers, 0);
	TRY(db_pool_lease(instance_readers(d->in), &lease));
	do {
		n = PAGE;
		TRY(directory_store_names(lease->db, after, name, &n));
		TRY(page(d, lease->db, name, n));
		if (n > 0)
			memcpy(after, name[n - 1], sizeof(after));
	} while (n == PAGE && !publish_ending(d));
	s.db = lease->db;
	TRY(link_each(d->link, stranger, &s));
	return authorities(d);
}
