/* Routes that every role has on its api listener. */
#include "evidence/alarm.h"
#include "base/text.h"
#include "instance/frame.h"
#include "pki/tsp.h"

#define LOG_PAGE 256 /* entries of one answer unless limit says otherwise */
#define ALARM_PAGE 100

uint64_t frame_log_key(void)
{
	return http_key(SLICE_LIT("frame/log"));
}

/* GET /v1/alarms?open=true&before=ID&limit=N */
static RC alarms(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(db_lease, lease, NULL);
	int64_t before = 0, limit = ALARM_PAGE;
	struct slice open = SLICE_LIT("false");
	json_t *list = NULL, *o;

	TRY(request_query_only(q, "open", "before", "limit", NULL));
	TRY(request_query_int(q, "before", 0, INT64_MAX, &before));
	TRY(request_query_int(q, "limit", 1, ALARM_LIST_MAX, &limit));
	(void)request_query(q, "open", &open);
	NEED(slice_is(open, "true") || slice_is(open, "false"), RC_INPUT, "open must be true or false");
	TRY(db_pool_lease(in->readers, &lease));
	TRY(alarm_list(lease->db, slice_is(open, "true"), before, (size_t)limit, &list));
	o = json_object();
	json_put_take(o, "alarms", list);
	return response_json(r, o);
}

struct acknowledgement {
	struct instance *in;
	int64_t id;
	const char *by;
};

static struct rc acknowledge(struct db_tx *tx, void *arg)
{
	struct acknowledgement *a = arg;

	return alarm_acknowledge(a->in->log, tx, a->id, a->by);
}

/* POST /v1/alarms/{id}/acknowledgement */
static RC alarm_ack(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	struct acknowledgement a = {.in = in, .by = q->peer->person};
	uint64_t id;
	json_t *o;

	TRY(text_u64(request_param(q, "id"), INT64_MAX, &id));
	a.id = (int64_t)id;
	TRY(writer_run(in->writer, acknowledge, &a));
	o = json_object();
	json_put_int(o, "id", a.id);
	json_put_cstr(o, "acknowledged_by", a.by);
	return response_json(r, o);
}

static RC log_decorate(struct instance *in, struct db *db, const struct peer *by, json_t *list)
{
	if (in->role->log_entry == NULL)
		return OK;
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY(in->role->log_entry(in, db, by, json_array_get(list, i)));
	return OK;
}

/* GET /v1/log/entries?from=N&limit=N&wait=S: the feed (design 4). */
static RC log_entries(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(list, NULL);
	int64_t from = 0, limit = LOG_PAGE, wait = 0;
	uint64_t size;
	json_t *o;

	TRY(request_query_only(q, "from", "limit", "wait", NULL));
	TRY(request_query_int(q, "from", 0, INT64_MAX, &from));
	TRY(request_query_int(q, "limit", 1, LOG_READ_MAX, &limit));
	TRY(request_query_int(q, "wait", 0, HTTP_WAIT_MAX, &wait));
	size = log_size(in->log);
	NEED((uint64_t)from <= size || q->attempt > 0, RC_NOTFOUND, "the log has %llu entries",
	     (unsigned long long)size);
	if ((uint64_t)from >= size && request_may_wait(q))
		return response_wait(r, frame_log_key());
	TRY(db_pool_lease(in->readers, &lease));
	TRY(log_read(lease->db, (uint64_t)from, (size_t)limit, &list));
	TRY(log_decorate(in, lease->db, q->peer, list));
	o = json_object();
	json_put_take(o, "entries", MOVE(list));
	json_put_int(o, "size", (int64_t)size);
	return response_json(r, o);
}

#define WHO_OPERATES                                                                                         \
	(OFFICER(CA_OPERATOR) | OFFICER(KMC_OPERATOR) | OFFICER(SUPER_ADMIN) | OFFICER(AUDIT_ADMIN) |        \
	 OFFICER(SECURITY_ADMIN) | OFFICER(SOURCE))
#define WHO_AUDITS (OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(EVALUATOR) | OFFICER(REGULATOR))

const struct route frame_routes[] = {
        {GET, "/v1/alarms", WHO_OWN | WHO_OPERATES | WHO_AUDITS, NULL, 0, 0, alarms, NULL},
        {POST, "/v1/alarms/{id}/acknowledgement", WHO_OPERATES, NULL, 4096, 0, alarm_ack, NULL},
        {GET, "/v1/log/head", WHO_OWN | WHO_AUDITS, NULL, 0, 0, frame_log_head, NULL},
        {GET, "/v1/log/heads", WHO_OWN | WHO_AUDITS, NULL, 0, 0, frame_log_heads, NULL},
        {GET, "/v1/log/entries", WHO_OWN | WHO_AUDITS, NULL, 0, 0, log_entries, NULL},
        {GET, "/v1/log/proof/inclusion", WHO_OWN | WHO_AUDITS, NULL, 0, 0, frame_log_inclusion, NULL},
        {GET, "/v1/log/proof/consistency", WHO_OWN | WHO_AUDITS, NULL, 0, 0, frame_log_consistency, NULL},
        {GET, "/v1/witness/heads", WHO_INSTANCE | WHO_AUDITS, NULL, 0, 0, frame_witness_show, NULL},
        {POST, "/v1/witness/heads", WHO_INSTANCE, "application/json", WITNESS_BODY_MAX, 0, frame_witness_take,
         NULL},
        {POST, "/v1/timestamp", WHO_OWN | WHO_AUDITS, TSP_MEDIA_QUERY, 4096, 0, frame_timestamp, NULL},
};
const size_t frame_route_count = sizeof(frame_routes) / sizeof(frame_routes[0]);
