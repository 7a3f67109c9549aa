/* What can happen to an application before it is approved (R08.4, R21.1, R21.2, R30.2, R30.3, R30.4, R30.6),
 * lists of them, and what time alone does. */
#include "../../tests/lib/small_ra.h"

#include "ra/application.h"
#include "ra/batch.h"
#include "ra/blacklist.h"
#include "evidence/record.h"
#include "ra/erase.h"
#include "ra/lapse.h"
#include "ra/notice.h"
#include "ra/source.h"

#define CARD(number)                                                                                         \
	"{\"profile\":\"person\",\"class\":\"GOV\"," TERMS                                                   \
	",\"identity\":{\"name\":\"Zhang\",\"document\":{"                                                   \
	"\"type\":\"passport\",\"number\":\"" number "\",\"valid_until\":\"long-term\"}}}"

static char clock_file[128];

static int open_clocked(void **state)
{
	ra_fresh_serials = true;
	(void)snprintf(clock_file, sizeof(clock_file), "/tmp/yuandian-clock-%d", (int)getpid());
	assert_ok(clock_create(clock_file));
	assert_ok(clock_open(clock_file));
	return open_all(state);
}

static int close_clocked(void **state)
{
	(void)unlink(clock_file);
	return close_all(state);
}

static void once_only(json_t *body)
{
	(void)json_object_del(body, "duplicate");
}

static int64_t count_of(const char *sql)
{
	AUTO(db_lease, lease, NULL);
	int64_t n;

	assert_ok(db_pool_lease(ra_in->readers, &lease));
	assert_ok(db_scalar(lease->db, &n, sql, DB_NOARGS));
	return n;
}

/* ---- R30.2 ---- */

static void a_second_certificate_needs_a_word(void **state)
{
	char id[RA_ID + 1], other[RA_ID + 1];
	AUTO_JSON(body, NULL);
	AUTO_JSON(answer, NULL);
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(CARD("D100"), once_only, id, &p));
	assert_refused(enter_text(CARD("D100"), once_only, other, &p), DUPLICATE);
	assert_ok(enter_text(CARD("D101"), once_only, other, &p));
	body = body_of(CARD("D100"), next_key++);
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	assert_ok(decide(ra_enter, &entry, "", &p, &answer));
	assert_string_equal(json_string_value(json_array_get(json_object_get(answer, "duplicates"), 0)), id);
}

/* R24.10: what the vault destroyed goes here too; what says that it was there stays. */
static void what_was_disposed_of_is_erased(void **state)
{
	AUTO_MEM(struct ra_application, a, mem_new(1, sizeof(*a)));
	AUTO_JSON(answer, NULL);
	AUTO_BUF(hex, 65);
	AUTO_BUF(original, 65);
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(db_lease, lease, NULL);
	struct disposed_eraser e = ra_eraser(ra_of());
	uint8_t sm3[RECORD_ID];
	char id[RA_ID + 1], text[512];
	bool has, more;
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(CARD("E300"), NULL, id, &p));
	assert_ok(record_put(instance_records(ra_in), SLICE_LIT("复印件"), sm3));
	assert_ok(db_pool_lease(instance_readers(ra_in), &lease));
	assert_ok(ra_store_find(lease->db, id, a));
	buf_hex(&hex, SLICE_ARR(a->hash));
	buf_hex(&original, SLICE_ARR(sm3));
	(void)snprintf(text, sizeof(text),
	               "{\"records\":[{\"position\":5,\"record\":\"%s\",\"application\":\"%s\","
	               "\"originals\":[\"%s\"]}]}",
	               buf_cstr(&original), buf_cstr(&hex), buf_cstr(&original));
	answer = world_json(text);
	for (int twice = 0; twice < 2; twice++)
		assert_ok(disposed_apply(ra_in, answer, &e, &more));
	assert_false(more);
	assert_ok(record_has(instance_records(ra_in), sm3, &has));
	assert_false(has);
	assert_ok(ra_store_bodies(lease->db, a->seq, &(struct ra_bodies){.statement = &der}));
	assert_int_equal(der.len, 0);
	assert_ok(ra_store_find(lease->db, id, a));
	assert_int_equal(count_of("SELECT count(*) FROM disposed"), 1);
	assert_int_equal(count_of("SELECT max(position) FROM disposed"), 5);
}

static struct rc list_number(const char *action, const char *number)
{
	AUTO_JSON(body, world_json("{\"reason\":\"伪造材料\"}"));
	AUTO_JSON(answer, NULL);
	AUTO_PAPER(p);

	json_put_cstr(body, "action", action);
	json_put_cstr(body, "number", number);
	sign(&p, STATEMENT_BLACKLIST, W_REVIEW, "review", body);
	return decide(blacklist_change, &review, "", &p, &answer);
}

/* The list knows the number whatever the case of its letters, and keeps only its mark. */
static void nobody_on_the_black_list_applies(void **state)
{
	AUTO_JSON(body, world_json("{\"action\":\"add\",\"number\":\"B200\",\"reason\":\"x\"}"));
	AUTO_JSON(answer, NULL);
	char id[RA_ID + 1];
	AUTO_PAPER(p);

	(void)state;
	assert_ok(list_number("add", "b200"));
	assert_refused(enter_text(CARD("B200"), NULL, id, &p), BLACKLISTED);
	assert_ok(enter_text(CARD("B201"), NULL, id, &p));
	assert_int_equal(count_of("SELECT count(*) FROM blacklist WHERE kind = 'number'"), 1);
	assert_ok(list_number("remove", "B200"));
	assert_int_equal(list_number("remove", "B200").code, RC_NOTFOUND);
	assert_ok(enter_text(CARD("B200"), NULL, id, &p));
	/* a clerk puts nobody on it */
	sign(&p, STATEMENT_BLACKLIST, W_ENTRY, "entry", body);
	assert_refused(decide(blacklist_change, &entry, "", &p, &answer), STATEMENT_ROLE);
}

/* ---- correction ---- */

static struct rc send_back(const char *id, bool correct)
{
	AUTO_JSON(body, world_json("{\"code\":\"photo\",\"reason\":\"照片不清晰\"}"));
	AUTO_JSON(answer, NULL);
	struct ra_application a = row_of(id);
	AUTO_PAPER(p);

	json_put_cstr(body, "id", id);
	json_put_hex(body, "application", SLICE_ARR(a.hash));
	if (correct)
		json_put_bool(body, "correction", true);
	sign(&p, STATEMENT_REFUSAL, W_REVIEW, "review", body);
	return decide(ra_review, &review, id, &p, &answer);
}

static const char *corrected; /* id that correcting() names */
static void correcting(json_t *body)
{
	json_put_cstr(body, "corrects", corrected);
}

static struct rc enter_key(const char *text, uint8_t key, void (*fix)(json_t *body), char id[RA_ID + 1])
{
	AUTO_JSON(body, body_of(text, key));
	AUTO_PAPER(p);

	if (fix != NULL)
		fix(body);
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	return enter_paper(&p, id);
}

/* R21.1, R30.6: returned, told, corrected under the same key; the first one stays in the history. */
static void a_returned_application_is_corrected_once(void **state)
{
	uint8_t key = next_key++;
	char id[RA_ID + 1], second[RA_ID + 1], third[RA_ID + 1];

	(void)state;
	assert_ok(enter_key(CARD("C300"), key, NULL, id));
	corrected = id;
	assert_refused(enter_key(CARD("C300"), next_key++, correcting, second), CORRECTION);
	assert_ok(send_back(id, true));
	assert_true(is_in(id, APPLICATION_RETURNED));
	assert_int_equal(count_of("SELECT count(*) FROM notice WHERE kind = 'application-returned'"), 2);
	/* the key stays the applicant's */
	assert_refused(enter_key(CARD("C301"), key, NULL, second), SAME_KEY);
	assert_ok(enter_key(CARD("C300"), key, correcting, second));
	assert_true(is_in(id, APPLICATION_CORRECTED));
	assert_int_equal(row_of(second).corrects, row_of(id).seq);
	assert_refused(enter_key(CARD("C300"), next_key++, correcting, third), CORRECTION);
	assert_refused(approve(id), APPLICATION_STATE);
	assert_ok(approve(second));
}

static struct rc forget_now(struct db_tx *tx, void *arg)
{
	(void)arg;
	return ra_refused_apply(tx, ra_in, 0);
}

static void a_refusal_is_told_and_forgotten_in_time(void **state)
{
	char id[RA_ID + 1];
	AUTO_PAPER(p);
	int64_t before = count_of("SELECT count(*) FROM notice WHERE kind = 'application-refused'");

	(void)state;
	assert_ok(enter_text(CARD("F400"), NULL, id, &p));
	assert_ok(send_back(id, false));
	assert_int_equal(count_of("SELECT count(*) FROM notice WHERE kind = 'application-refused'"),
	                 before + 2);
	assert_ok(writer_run(ra_in->writer, forget_now, NULL));
	assert_int_equal(count_of("SELECT count(*) FROM application_body WHERE statement = x''"), 0);
	assert_ok(clock_step(clock_file, 11 * W_DAY));
	assert_ok(writer_run(ra_in->writer, forget_now, NULL));
	assert_int_equal(count_of("SELECT count(*) FROM application_body WHERE statement = x''"), 1);
	assert_true(is_in(id, APPLICATION_REFUSED));
	assert_ok(clock_step(clock_file, -11 * W_DAY));
}

/* ---- R30.3 ---- */

static void restart(void)
{
	stop_ra();
	start_ra();
}

static void the_source_decides_what_it_knows(void **state)
{
	char id[RA_ID + 1], held[RA_ID + 1];
	AUTO_BUF(record, RECORD_MAX);
	AUTO_PAPER(p);
	AUTO(db_lease, lease, NULL);
	AUTO(db_rows, r, NULL);
	bool row;

	(void)state;
	ra_source_url = (char[]){"https://source/identity/check"};
	restart();
	ra_source_answer = "{\"result\":\"mismatch\"}";
	assert_ok(enter_text(CARD("S500"), NULL, id, &p));
	assert_int_equal(row_of(id).source, SOURCE_MISMATCH);
	assert_refused(approve(id), SOURCE_MISMATCH);
	/* down, or answering nonsense: held, not passed */
	ra_source_answer = NULL;
	assert_ok(enter_text(CARD("S501"), NULL, held, &p));
	assert_true(is_in(held, APPLICATION_HELD));
	assert_refused(approve(held), APPLICATION_STATE);
	ra_source_answer = "{\"result\":\"perhaps\"}";
	assert_ok(ra_held_run(ra_in, 0));
	assert_true(is_in(held, APPLICATION_HELD));
	ra_source_answer = "{\"result\":\"match\"}";
	assert_int_not_equal(ra_held_due(ra_in, 0), INT64_MAX);
	assert_ok(ra_held_run(ra_in, 0));
	assert_true(is_in(held, APPLICATION_ENTERED));
	assert_int_equal(ra_held_due(ra_in, 0), INT64_MAX);
	assert_ok(approve(held));
	/* query and answer are kept */
	assert_ok(db_pool_lease(ra_in->readers, &lease));
	assert_ok(db_query(lease->db, &r, "SELECT record FROM source_answer ORDER BY id DESC LIMIT 1",
	                   DB_NOARGS));
	assert_ok(db_next(r, &row));
	assert_true(row);
	assert_ok(record_get(ra_in->records, db_blob(r, 0).p, &record));
	assert_non_null(strstr(buf_cstr(&record), "\"result\":\"match\""));
	ra_source_url = NULL;
	db_rows_free(MOVE(r));
	db_lease_free(MOVE(lease));
	restart();
}

/* ---- R08.4 ---- */

static void move_approval(const char *from, const char *to)
{
	char a[256], b[256];

	(void)snprintf(a, sizeof(a), "%s/shifan/ca/trust/%s", world.dir, from);
	(void)snprintf(b, sizeof(b), "%s/shifan/ca/trust/%s", world.dir, to);
	assert_int_equal(rename(a, b), 0);
}

static void an_ra_without_approval_holds_but_revokes(void **state)
{
	AUTO_JSON(body, world_json("{\"ca\":\"sm2\",\"serial\":\"9\",\"reason\":\"keyCompromise\"}"));
	AUTO_JSON(answer, NULL);
	char waiting[RA_ID + 1], id[RA_ID + 1];
	unsigned revoked;
	AUTO_PAPER(p);

	(void)state;
	assert_ok(enter_text(CARD("A600"), NULL, waiting, &p));
	move_approval("ra-approval.p7s", "away");
	restart();
	assert_ok(approve(waiting));
	assert_ok(enter_text(CARD("A601"), NULL, id, &p));
	assert_true(is_in(id, APPLICATION_HELD));
	assert_ok(ra_held_run(ra_in, 0));
	assert_true(is_in(id, APPLICATION_HELD));
	set_mood(CA_WHOLE, CA_WHOLE);
	revoked = ca.revoked;
	sign(&p, STATEMENT_REVOCATION, W_REVIEW, "review", body);
	{
		struct request q = {.peer = &review, .body = buf_slice(&p.der), .param_count = 2};
		bool queued;

		q.params[0] = (struct http_param){SLICE_LIT("ca"), SLICE_LIT("sm2")};
		q.params[1] = (struct http_param){SLICE_LIT("serial"), SLICE_LIT("9")};
		assert_ok(ra_revoke(ra_of(), &q, &answer, &queued));
	}
	world_until(ca.revoked > revoked);
	assert_true(is_in(waiting, APPLICATION_APPROVED));
	move_approval("away", "ra-approval.p7s");
	restart();
	assert_ok(ra_held_run(ra_in, 0));
	assert_true(is_in(id, APPLICATION_ENTERED));
	world_until(is_in(waiting, APPLICATION_ISSUED));
	set_mood(CA_DOWN, CA_DOWN);
}

/* ---- acceptance ---- */

/* R21.2: not accepted within the CPS time: revoked by rule, each part once, over restarts. */
static void what_nobody_accepts_lapses_once(void **state)
{
	int64_t before = count_of("SELECT count(*) FROM revocation");
	char id[RA_ID + 1];
	AUTO_PAPER(p);

	(void)state;
	set_mood(CA_WHOLE, CA_DOWN);
	assert_ok(enter_text(CARD("L700"), NULL, id, &p));
	assert_ok(approve(id));
	world_until(is_in(id, APPLICATION_ISSUED));
	assert_ok(ra_lapse_run(ra_in, 0));
	assert_true(is_in(id, APPLICATION_ISSUED));
	assert_true(ra_lapse_due(ra_in, 0) > clock_now());
	assert_ok(clock_step(clock_file, 30 * W_DAY + 60));
	assert_true(ra_lapse_due(ra_in, 0) <= clock_now());
	restart();
	assert_ok(ra_lapse_run(ra_in, 0));
	assert_true(is_in(id, APPLICATION_LAPSED));
	restart();
	assert_ok(ra_lapse_run(ra_in, 0));
	/* two parts of each pair that lapsed, none twice */
	assert_int_equal(count_of("SELECT count(*) FROM revocation"),
	                 before + 2 * count_of("SELECT count(*) FROM application WHERE state = 10"));
	assert_int_equal(count_of("SELECT count(*) FROM revocation WHERE state = 0"),
	                 count_of("SELECT count(DISTINCT serial) FROM revocation WHERE state = 0"));
	assert_true(count_of("SELECT count(*) FROM notice WHERE kind = 'acceptance-lapsed'") > 0);
	assert_ok(clock_step(clock_file, -(30 * W_DAY + 60)));
	set_mood(CA_DOWN, CA_DOWN);
}

/* ---- approvals that are not what they should be ---- */

/* Every altered byte, another application's approval, a replay after a refusal: nothing changes. */
static void altered_and_replayed_approvals_are_refused(void **state)
{
	char id[RA_ID + 1], other[RA_ID + 1];
	AUTO_JSON(body, NULL);
	AUTO_JSON(answer, NULL);
	struct ra_application a;
	AUTO_PAPER(p);
	AUTO_PAPER(q);

	(void)state;
	assert_ok(enter_text(CARD("R800"), NULL, id, &q));
	assert_ok(enter_text(CARD("R801"), NULL, other, &q));
	a = row_of(id);
	body = approval_of(&a);
	sign(&p, STATEMENT_APPROVAL, W_REVIEW, "review", body);
	for (size_t i = 0; i < p.der.len; i += 7) {
		p.der.p[i] ^= 0x10;
		assert_false(rc_ok(decide(ra_review, &review, id, &p, &answer)));
		p.der.p[i] ^= 0x10;
	}
	assert_refused(decide(ra_review, &review, other, &p, &answer), APPROVAL_MISMATCH);
	assert_true(is_in(id, APPLICATION_ENTERED));
	assert_true(is_in(other, APPLICATION_ENTERED));
	assert_ok(send_back(id, false));
	assert_refused(decide(ra_review, &review, id, &p, &answer), APPLICATION_REFUSED);
}

/* ---- a full disk ---- */

/* Whichever call of the database fails, the answer says so, nothing is left, and the same statement goes in
 * afterwards. */
static void a_full_disk_changes_nothing(void **state)
{
	static struct db_faults faults = {.kinds = DB_CALL_ALL, .verb = -1};
	AUTO_JSON(body, NULL);
	char id[RA_ID + 1];
	unsigned failed = 0;
	AUTO_PAPER(p);

	(void)state;
	stop_ra();
	ra_faults = &faults;
	start_ra();
	body = body_of(CARD("X900"), next_key++);
	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	for (unsigned long n = 1; n < 200; n += 3) {
		int64_t before = count_of("SELECT count(*) FROM application");

		faults.calls = 0;
		faults.at = n;
		if (rc_ok(enter_paper(&p, id)))
			break;
		failed++;
		faults.at = 0;
		assert_int_equal(count_of("SELECT count(*) FROM application"), before);
	}
	assert_true(failed > 5);
	faults.at = 0;
	assert_ok(enter_paper(&p, id));
	assert_true(is_in(id, APPLICATION_ENTERED));
	stop_ra();
	ra_faults = NULL;
	start_ra();
}

/* ---- batches ---- */

static struct rc call(struct rc (*door)(struct ra *ra, const struct request *q, json_t **ret),
                      const struct peer *by, const char *id, json_t *take, json_t **ret)
{
	AUTO_JSON(body, take);
	AUTO_BUF(text, BATCH_BODY);
	static const struct route route = {.max_body = BATCH_BODY};
	struct request q = {.peer = by, .route = &route, .param_count = 1};

	q.params[0] = (struct http_param){SLICE_LIT("id"), slice_text(id)};
	assert_ok(json_canonical(body, &text));
	q.body = buf_slice(&text);
	json_decref(*ret);
	*ret = NULL;
	return door(ra_of(), &q, ret);
}

static json_t *batch_body(uint8_t mark, int64_t lines)
{
	uint8_t sm3[32] = {mark};
	json_t *o = json_object();

	json_put_cstr(o, "name", "list.csv");
	json_put_hex(o, "sm3", SLICE_ARR(sm3));
	json_put_int(o, "lines", lines);
	return o;
}

static void add_line(json_t *list, int64_t line, const char *text)
{
	AUTO_JSON(body, body_of(text, next_key++));
	json_t *o = json_object();
	AUTO_PAPER(p);

	sign(&p, STATEMENT_APPLICATION, W_ENTRY, "entry", body);
	json_put_int(o, "line", line);
	json_put_base64(o, "statement", buf_slice(&p.der));
	json_array_append_new(list, o);
}

static json_t *lines_of(json_t *list)
{
	json_t *o = json_object();

	json_put_take(o, "lines", list);
	return o;
}

static const char *result(const json_t *answer, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(answer, "results"), i), key));
}

static void a_line_is_entered_once(void **state)
{
	AUTO_JSON(answer, NULL);
	AUTO_JSON(again, NULL);
	AUTO_JSON(list, json_array());
	json_t *other = json_array();
	char id[RA_ID + 1];
	int64_t before;

	(void)state;
	assert_ok(call(batch_open, &entry, "", batch_body(1, 4), &answer));
	(void)snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(answer, "id")));
	before = count_of("SELECT count(*) FROM application");
	add_line(list, 1, CARD("Y001"));
	add_line(list, 2, CARD("bad number"));
	json_array_append_new(list, world_json("{\"line\":3,\"code\":\"csv\",\"text\":\"line 4: no end\"}"));
	assert_ok(call(batch_lines, &entry, id, lines_of(json_incref(list)), &answer));
	assert_non_null(result(answer, 0, "id"));
	assert_string_equal(result(answer, 1, "code"), "identity");
	assert_string_equal(result(answer, 2, "code"), "csv");
	/* the same lines after a crash, and another statement for line 1 */
	restart();
	assert_ok(call(batch_lines, &entry, id, lines_of(json_incref(list)), &again));
	assert_string_equal(result(again, 0, "id"), result(answer, 0, "id"));
	assert_string_equal(result(again, 1, "code"), "identity");
	add_line(other, 1, CARD("Y002"));
	assert_ok(call(batch_lines, &entry, id, lines_of(other), &again));
	assert_string_equal(result(again, 0, "id"), result(answer, 0, "id"));
	assert_int_equal(count_of("SELECT count(*) FROM application"), before + 1);
	/* the same file is the same batch, and goes on at line 4 */
	assert_ok(call(batch_open, &entry, "", batch_body(1, 4), &again));
	assert_string_equal(json_string_value(json_object_get(again, "id")), id);
	assert_int_equal(json_integer_value(json_object_get(again, "next")), 4);
	assert_int_equal(json_integer_value(json_object_get(again, "errors")), 2);
	assert_refused(call(batch_open, &entry, "", batch_body(2, BATCH_LINES_MAX + 1), &again), BATCH_LIMIT);
}

static void a_batch_is_approved_and_cancelled(void **state)
{
	AUTO_JSON(answer, NULL);
	json_t *list = json_array(), *approvals = json_array(), *o = json_object();
	char id[RA_ID + 1], first[RA_ID + 1], second[RA_ID + 1];
	AUTO_JSON(body, NULL);
	AUTO_BUF(text, 8192);
	struct ra_application a;
	AUTO_PAPER(p);

	(void)state;
	assert_ok(call(batch_open, &entry, "", batch_body(3, 3), &answer));
	(void)snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(answer, "id")));
	add_line(list, 1, CARD("Z001"));
	add_line(list, 2, CARD("Z002"));
	assert_ok(call(batch_lines, &entry, id, lines_of(list), &answer));
	(void)snprintf(first, sizeof(first), "%s", result(answer, 0, "id"));
	(void)snprintf(second, sizeof(second), "%s", result(answer, 1, "id"));
	a = row_of(first);
	body = approval_of(&a);
	sign(&p, STATEMENT_APPROVAL, W_REVIEW, "review", body);
	buf_base64(&text, buf_slice(&p.der));
	json_array_append_new(approvals, json_string(buf_cstr(&text)));
	json_array_append_new(approvals, json_string("AAAA"));
	json_put_take(o, "statements", approvals);
	assert_ok(call(batch_review, &review, id, o, &answer));
	assert_string_equal(result(answer, 0, "state"), "approved");
	assert_string_equal(result(answer, 1, "code"), "statement-form");
	assert_int_equal(call(batch_cancel, &entry, id, json_object(), &answer).code, RC_INPUT);
	assert_int_equal(call(batch_cancel, &entry, id, json_pack("{s:s}", "reason", ""), &answer).code,
	                 RC_INPUT);
	assert_true(is_in(second, APPLICATION_ENTERED));
	assert_refused(call(batch_cancel, &stranger, id, json_pack("{s:s}", "reason", "x"), &answer),
	               NOT_YOURS);
	assert_ok(call(batch_cancel, &entry, id, json_pack("{s:s}", "reason", "x"), &answer));
	assert_true(is_in(first, APPLICATION_APPROVED));
	assert_true(is_in(second, APPLICATION_CANCELLED));
	list = json_array();
	add_line(list, 3, CARD("Z003"));
	assert_refused(call(batch_lines, &entry, id, lines_of(list), &answer), BATCH_STATE);
	/* the file may be tried again from its start */
	assert_ok(call(batch_open, &entry, "", batch_body(3, 3), &answer));
	assert_string_not_equal(json_string_value(json_object_get(answer, "id")), id);
}

/* ---- mail ---- */

static void mail_waits_for_its_server(void **state)
{
	(void)state;
	assert_int_equal(ra_mail_due(ra_in, 0), INT64_MAX);
	ra_in->config.value.mail_url = (char[]){"smtp://127.0.0.1:1"};
	ra_in->config.value.mail_from = (char[]){"ra@example.cn"};
	ra_in->config.value.mail_office = (char[]){"office@example.cn"};
	assert_int_equal(ra_mail_due(ra_in, 0), clock_now());
	assert_refused(ra_mail_run(ra_in, 0), UNREACHABLE);
	assert_int_equal(count_of("SELECT count(*) FROM notice WHERE mail <> 0"), 0);
	ra_in->config.value.mail_url = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_second_certificate_needs_a_word),
	        cmocka_unit_test(nobody_on_the_black_list_applies),
	        cmocka_unit_test(a_returned_application_is_corrected_once),
	        cmocka_unit_test(a_refusal_is_told_and_forgotten_in_time),
	        cmocka_unit_test(the_source_decides_what_it_knows),
	        cmocka_unit_test(an_ra_without_approval_holds_but_revokes),
	        cmocka_unit_test(what_was_disposed_of_is_erased),
	        cmocka_unit_test(what_nobody_accepts_lapses_once),
	        cmocka_unit_test(altered_and_replayed_approvals_are_refused),
	        cmocka_unit_test(a_full_disk_changes_nothing),
	        cmocka_unit_test(a_line_is_entered_once),
	        cmocka_unit_test(a_batch_is_approved_and_cancelled),
	        cmocka_unit_test(mail_waits_for_its_server),
	};

	return cmocka_run_group_tests(tests, open_clocked, close_clocked);
}
