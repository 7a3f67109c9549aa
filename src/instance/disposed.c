#include "instance/disposed.h"
#include "base/clock.h"

#include <stdio.h>

#define DEADLINE_MS 30000

struct erasing {
	const struct disposed_eraser *e;
	struct disposed d;
};

static struct rc erase(struct db_tx *tx, void *arg)
{
	struct erasing *x = arg;

	if (x->e->rows != NULL)
		TRY(x->e->rows(x->e->arg, tx, &x->d));
	return disposed_put(tx->db, &x->d, clock_now());
}

static RC read_one(const json_t *o, struct disposed *ret)
{
	json_t *list;

	TRY(json_get_int(o, "position", 0, INT64_MAX, &ret->position));
	TRY(json_get_hex(o, "record", ret->record, sizeof(ret->record)));
	if (json_object_get(o, "application") != NULL)
		TRY(json_get_hex(o, "application", ret->application, sizeof(ret->application)));
	TRY(json_get_array(o, "originals", DISPOSED_ORIGINALS, &list));
	ret->originals = list;
	return OK;
}

RC disposed_apply(struct instance *in, const json_t *answer, const struct disposed_eraser *e, bool *more)
{
	json_t *list;

	TRY(json_get_array(answer, "records", DISPOSED_PAGE, &list));
	*more = json_array_size(list) == DISPOSED_PAGE;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct erasing x = {.e = e};

		TRY(read_one(json_array_get(list, i), &x.d));
		if (e->files != NULL)
			TRY(e->files(e->arg, &x.d));
		TRY(writer_run(instance_writer(in), erase, &x));
	}
	return OK;
}

static RC ask(struct instance *in, struct http_client *vault, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	char path[96];
	int64_t from;

	TRY(db_pool_lease(instance_readers(in), &lease));
	TRY(disposed_next(lease->db, &from));
	(void)snprintf(path, sizeof(path), "/v1/disposed?from=%lld&limit=%d", (long long)from, DISPOSED_PAGE);
	return http_call_json(vault, &(struct http_call){.path = path, .deadline_ms = DEADLINE_MS}, NULL,
	                      ret);
}

RC instance_erase_disposed(struct instance *in, struct http_client *vault, const struct disposed_eraser *e)
{
	bool more = vault != NULL;

	while (more && !instance_ending(in)) {
		AUTO_JSON(answer, NULL);

		TRY(ask(in, vault, &answer));
		TRY(disposed_apply(in, answer, e, &more));
	}
	return OK;
}
