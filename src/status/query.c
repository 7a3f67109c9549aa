/* Doors for officers: the directory. */
#include "status/query.h"

#include "status/status.h"

#include "http/server.h"

static RC configured(const struct request *q, struct status *s)
{
	TRY(request_query_only(q, NULL));
	NEED(s->directory != NULL, RC_NOTFOUND, "no directory_url is configured");
	return OK;
}

/* GET /v1/directory */
static RC directory_get(void *ctx, const struct request *q, struct response *r)
{
	struct status *s = instance_state(ctx);
	json_t *o = NULL;

	TRY(configured(q, s));
	TRY(directory_show(s->directory, &o));
	return response_json(r, o);
}

/* POST /v1/directory/repair: begins with the next round of the publisher. */
static RC directory_post(void *ctx, const struct request *q, struct response *r)
{
	struct status *s = instance_state(ctx);
	json_t *o = NULL;

	TRY(configured(q, s));
	directory_repair(s->directory);
	TRY(directory_show(s->directory, &o));
	return response_json(r, o);
}

#define WHO_OPERATES (OFFICER(CA_OPERATOR) | OFFICER(SUPER_ADMIN))
#define WHO_LOOKS (WHO_OPERATES | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(QUERY))

const struct route status_routes[STATUS_ROUTES] = {
        {GET, "/v1/directory", WHO_LOOKS, NULL, 0, 0, directory_get, NULL},
        {POST, "/v1/directory/repair", WHO_OPERATES, NULL, 0, 0, directory_post, NULL},
};
