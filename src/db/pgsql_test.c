/* What is PostgreSQL's alone: types, transactions that failed, connections that are lost and answers that
 * never come.  The contract that both drivers keep is in db_test.c. */
#include "db/writer.h"
#include "../../tests/lib/pgsql_server.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

static char url[PGSQL_URL];
static struct db *db;

static int start(void **state)
{
	(void)state;
	pgsql_fresh(url);
	assert_ok(db_open(url, false, &db));
	assert_ok(db_script(db, "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER, b BLOB) STRICT"));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	db_close(db);
	db = NULL;
	return 0;
}

static RC put(struct db *to, const char *key)
{
	return db_run(to, NULL, "INSERT INTO t (k) VALUES ($1)", DB_ARGS(DB_CSTR(key)));
}

static int64_t count(struct db *from)
{
	int64_t n = -1;

	assert_ok(db_scalar(from, &n, "SELECT count(*) FROM t", DB_NOARGS));
	return n;
}

/* ---- types ---- */

static void kinds_of_arguments_may_change(void **state)
{
	static const char insert[] = "INSERT INTO t (k, n, b) VALUES ($1, $2, $3)";
	static const char find[] = "SELECT k FROM t WHERE (n = $1 OR $1 IS NULL) AND k = $2";
	static const uint8_t byte[] = {7};
	int64_t n = 0;

	(void)state;
	assert_ok(db_run(db, NULL, insert, DB_ARGS(DB_CSTR("a"), DB_NULL, DB_NULL)));
	assert_ok(db_run(db, NULL, insert, DB_ARGS(DB_CSTR("b"), DB_INT(-5), DB_BLOB(SLICE_ARR(byte)))));
	assert_ok(db_run(db, NULL, insert, DB_ARGS(DB_CSTR("c"), DB_NULL, DB_BLOB(SLICE_ARR(byte)))));
	assert_ok(db_scalar(db, &n, "SELECT n FROM t WHERE b = $1 AND k = 'b'",
	                    DB_ARGS(DB_BLOB(SLICE_ARR(byte)))));
	assert_true(n == -5);
	assert_ok(db_scalar(db, &n, find, DB_ARGS(DB_NULL, DB_CSTR("b"))));
	assert_ok(db_scalar(db, &n, find, DB_ARGS(DB_INT(-5), DB_CSTR("b"))));
	assert_rc(db_scalar(db, &n, find, DB_ARGS(DB_INT(5), DB_CSTR("b"))), RC_NOTFOUND);
	/* a text is not bytes */
	assert_rc(db_run(db, NULL, insert, DB_ARGS(DB_CSTR("d"), DB_NULL, DB_CSTR("text"))), RC_BUG);
	assert_ok(db_scalar(db, &n, "SELECT count(*) > 2 FROM t", DB_NOARGS));
	assert_int_equal(n, 1);
	assert_rc(db_scalar(db, &n, "SELECT sum(n) FROM t", DB_NOARGS), RC_BUG); /* numeric */
	assert_ok(db_scalar(db, &n, "SELECT CAST(sum(n) AS bigint) FROM t", DB_NOARGS));
	assert_true(n == -5);
}

static void texts_and_sizes(void **state)
{
	static uint8_t big[DB_MAX_VALUE + 1];

	(void)state;
	assert_rc(db_run(db, NULL, "INSERT INTO t (k, b) VALUES ('x', $1)", DB_ARGS(DB_BLOB(SLICE_ARR(big)))),
	          RC_INPUT);
	assert_ok(db_run(db, NULL, "INSERT INTO t (k, b) VALUES ('x', $1)",
	                 DB_ARGS(DB_BLOB(slice_of(big, DB_MAX_VALUE)))));
	assert_rc(db_run(db, NULL, "INSERT INTO t (k) VALUES ($1)", DB_ARGS(DB_TEXT(SLICE_LIT("a\0b")))),
	          RC_INPUT);
	assert_rc(db_run(db, NULL, "INSERT INTO t (k) VALUES ($1)", DB_ARGS(DB_TEXT(SLICE_LIT("\xff")))),
	          RC_INPUT);
	assert_int_equal(count(db), 1);
}

/* In the order of their bytes, whatever language the server speaks. */
static void texts_have_the_order_of_their_bytes(void **state)
{
	static const char *const keys[] = {"B", "a", "ä", "源"};
	AUTO(db_rows, q, NULL);
	bool row = false;
	int i;

	(void)state;
	for (i = 3; i >= 0; i--)
		assert_ok(put(db, keys[i]));
	assert_ok(db_query(db, &q, "SELECT k FROM t ORDER BY k", DB_NOARGS));
	for (i = 0; i < 4; i++) {
		assert_ok(db_next(q, &row));
		assert_true(slice_is(db_text(q, 0), keys[i]));
	}
}

static void numbers_go_on_above_given_ones(void **state)
{
	int64_t n = 0;

	(void)state;
	assert_ok(db_script(db, "CREATE TABLE old (id INTEGER PRIMARY KEY, x INTEGER) STRICT;"
	                        "INSERT INTO old (id, x) VALUES (41, 1);"));
	assert_ok(db_scalar(db, &n, "INSERT INTO old (x) VALUES (2) RETURNING id", DB_NOARGS));
	assert_int_equal(n, 42);
}

/* What one connection may hold in memory for a result that others interrupt is bounded. */
static void an_interrupted_result_is_bounded(void **state)
{
	AUTO(db_rows, q, NULL);
	bool row = false;
	struct rc rc = OK;
	int i;

	(void)state;
	assert_ok(db_query(db, &q, "SELECT repeat('x', 1000000) FROM generate_series(1, 100)", DB_NOARGS));
	assert_ok(db_next(q, &row));
	assert_ok(put(db, "between"));
	for (i = 0; i < 100 && rc_ok(rc); i++)
		rc = db_next(q, &row);
	assert_rc(rc, RC_BUG);
	assert_int_equal(count(db), 1);
	/* alone it may be as large as it likes */
	db_rows_free(MOVE(q));
	assert_ok(db_query(db, &q, "SELECT repeat('x', 1000000) FROM generate_series(1, 100)", DB_NOARGS));
	for (i = 0; i < 100; i++)
		assert_ok(db_next(q, &row));
	assert_true(row);
}

/* ---- transactions and connections ---- */

static void a_failed_statement_fails_the_transaction(void **state)
{
	(void)state;
	assert_ok(put(db, "a"));
	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(put(db, "b"));
	assert_rc(put(db, "a"), RC_CONFLICT);
	assert_rc(put(db, "c"), RC_BUG);
	assert_rc(db_verb(db, DB_COMMIT), RC_BUG);
	assert_int_equal(count(db), 1);
	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(put(db, "b"));
	assert_ok(db_verb(db, DB_SAVEPOINT));
	assert_rc(put(db, "a"), RC_CONFLICT);
	assert_ok(db_verb(db, DB_ROLLBACK_TO));
	assert_ok(db_verb(db, DB_COMMIT));
	assert_int_equal(count(db), 2);
}

static void kill_connection(struct db *victim)
{
	AUTO(db, other, NULL);
	int64_t pid = 0, done = 0;

	assert_ok(db_scalar(victim, &pid, "SELECT pg_backend_pid()", DB_NOARGS));
	assert_ok(db_open(url, false, &other));
	assert_ok(db_scalar(other, &done, "SELECT pg_terminate_backend(CAST($1 AS integer), 10000)",
	                    DB_ARGS(DB_INT(pid))));
	assert_int_equal(done, 1);
}

static void lost_connections_are_made_anew(void **state)
{
	AUTO(db, reader, NULL);

	(void)state;
	assert_ok(put(db, "a"));
	assert_ok(db_open(url, true, &reader));
	assert_int_equal(count(reader), 1);
	kill_connection(reader);
	assert_int_equal(count(reader), 1); /* reading can be repeated */
	kill_connection(reader);
	assert_ok(db_verb(reader, DB_BEGIN));
	assert_int_equal(count(reader), 1);
	kill_connection(reader);
	assert_rc(put(reader, "x"), RC_BUSY);
	assert_rc(db_verb(reader, DB_COMMIT), RC_BUSY);
	assert_ok(db_verb(reader, DB_ROLLBACK));
	assert_int_equal(count(reader), 1);
	assert_rc(put(reader, "x"), RC_BUG); /* read-only again */
}

static void a_transaction_on_a_lost_connection_is_busy(void **state)
{
	(void)state;
	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(put(db, "a"));
	kill_connection(db);
	assert_rc(put(db, "b"), RC_BUSY);
	assert_rc(db_verb(db, DB_SAVEPOINT), RC_BUSY);
	assert_rc(db_verb(db, DB_COMMIT), RC_BUSY); /* nothing was sent: nothing is uncertain */
	assert_ok(db_verb(db, DB_ROLLBACK));
	assert_int_equal(count(db), 0);
	assert_ok(put(db, "c"));
	kill_connection(db);
	assert_rc(put(db, "d"), RC_UNCERTAIN); /* a commit of its own */
	assert_int_equal(count(db), 1);
	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(put(db, "e"));
	kill_connection(db);
	assert_rc(db_verb(db, DB_COMMIT), RC_UNCERTAIN);
	assert_ok(db_verb(db, DB_ROLLBACK));
	assert_int_equal(count(db), 1);
}

static void a_server_that_could_forget_is_refused(void **state)
{
	struct db *other = NULL;
	int64_t done = 0;
	int i;

	(void)state;
	assert_ok(db_run(db, NULL, "ALTER SYSTEM SET fsync = off", DB_NOARGS));
	assert_ok(db_scalar(db, &done, "SELECT pg_reload_conf()", DB_NOARGS));
	for (i = 0; i < 200; i++) { /* until the server has read it; the bound ends a broken run */
		struct rc rc = db_open(url, false, &other);

		if (rc.code == RC_INPUT)
			break;
		assert_ok(rc);
		db_close(other);
		(void)usleep(50000);
	}
	assert_ok(db_run(db, NULL, "ALTER SYSTEM RESET fsync", DB_NOARGS));
	assert_ok(db_scalar(db, &done, "SELECT pg_reload_conf()", DB_NOARGS));
	assert_true(i < 200);
	for (i = 0; i < 200 && !rc_ok(db_open(url, false, &other)); i++)
		(void)usleep(50000);
	assert_true(i < 200);
	db_close(other);
}

/* ---- a wire that is cut at COMMIT ---- */

enum cut { CUT_NOT, CUT_REQUEST, CUT_ANSWER };
static struct {
	char dir[32];
	int door;
	atomic_int cut; /* once */
	pthread_t thread;
} wire;

static int connect_server(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%.*s/.s.PGSQL.5432",
	               (int)strcspn(pgsql_info() + 5, " "), pgsql_info() + 5);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* True: the wire is cut now. */
static bool pass(int from, int to, bool request)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof(bytes));
	int cut = atomic_load(&wire.cut);

	if (n <= 0)
		return true;
	if (request && cut != CUT_NOT && memmem(bytes, (size_t)n, "COMMIT", 7) != NULL) {
		atomic_store(&wire.cut, CUT_NOT);
		if (cut == CUT_ANSWER)
			(void)!write(to, bytes, (size_t)n);
		return true;
	}
	return write(to, bytes, (size_t)n) != n;
}

static void *carry(void *arg)
{
	struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};
	bool over = false;

	fds[0].fd = (int)(intptr_t)arg;
	fds[1].fd = connect_server();
	while (!over && poll(fds, 2, -1) > 0)
		over = ((fds[0].revents != 0 && pass(fds[0].fd, fds[1].fd, true)) ||
		        (fds[1].revents != 0 && pass(fds[1].fd, fds[0].fd, false)));
	(void)close(fds[0].fd);
	(void)close(fds[1].fd);
	return NULL;
}

static void *serve(void *arg)
{
	int fd;

	while ((fd = accept(wire.door, NULL, NULL)) >= 0) {
		pthread_t t;

		if (pthread_create(&t, NULL, carry, (void *)(intptr_t)fd) == 0)
			(void)pthread_detach(t);
	}
	return arg;
}

static int open_wire(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *schema = strstr(url, "options=");

	assert_int_equal(start(state), 0);
	schema = strstr(url, "options=");
	(void)snprintf(wire.dir, sizeof(wire.dir), "/tmp/yd-wire-XXXXXX");
	assert_non_null(mkdtemp(wire.dir));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/.s.PGSQL.5432", wire.dir);
	wire.door = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(wire.door, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(wire.door, 8), 0);
	assert_int_equal(pthread_create(&wire.thread, NULL, serve, NULL), 0);
	(void)snprintf(url, sizeof(url), "pgsql:host=%s user=postgres dbname=postgres %s", wire.dir, schema);
	return 0;
}

static int close_wire(void **state)
{
	char path[64];

	(void)shutdown(wire.door, SHUT_RDWR);
	(void)pthread_join(wire.thread, NULL);
	(void)close(wire.door);
	(void)snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", wire.dir);
	(void)unlink(path);
	(void)rmdir(wire.dir);
	return stop(state);
}

static RC put_closure(struct db_tx *tx, void *arg)
{
	return put(tx->db, arg);
}

static int64_t reread;

static void on_reread(void *arg, struct db *from)
{
	(void)arg;
	reread = count(from);
}

/* The wire is cut with the COMMIT on its way; the server needs its time for it.  What the writer reads
 * afterwards is what has become of it, never what was before. */
static void what_became_of_a_commit(void **state)
{
	static const enum cut cuts[] = {CUT_REQUEST, CUT_ANSWER};
	static char first[] = "first", second[] = "second", third[] = "third";
	struct writer_watch watch = {.reread = on_reread};
	struct writer *w = NULL;
	struct db *through = NULL;
	struct lease lease;
	size_t i;

	(void)state;
	assert_ok(db_migrate(db, NULL));
	assert_ok(db_run(db, NULL,
	                 "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
	                 "'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'",
	                 DB_NOARGS));
	assert_ok(db_run(db, NULL,
	                 "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
	                 "FOR EACH ROW EXECUTE FUNCTION slow()",
	                 DB_NOARGS));
	for (i = 0; i < 2; i++) {
		assert_ok(db_open(url, false, &through));
		assert_ok(lease_init(&lease, "here"));
		assert_ok(lease_take(through, &lease, 0));
		assert_ok(writer_open(through, &w));
		writer_lease(w, &lease);
		writer_watch(w, &watch);
		reread = -1;
		atomic_store(&wire.cut, (int)cuts[i]);
		assert_rc(writer_run(w, put_closure, i == 0 ? first : second), RC_UNCERTAIN);
		assert_ok(writer_run(w, put_closure, i == 0 ? third : first));
		assert_int_equal(reread, i == 0 ? 0 : 2); /* second was committed */
		writer_close(w);
	}
	assert_int_equal(count(db), 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
	        CASE(kinds_of_arguments_may_change),
	        CASE(texts_and_sizes),
	        CASE(texts_have_the_order_of_their_bytes),
	        CASE(numbers_go_on_above_given_ones),
	        CASE(an_interrupted_result_is_bounded),
	        CASE(a_failed_statement_fails_the_transaction),
	        CASE(lost_connections_are_made_anew),
	        CASE(a_transaction_on_a_lost_connection_is_busy),
	        CASE(a_server_that_could_forget_is_refused),
	        cmocka_unit_test_setup_teardown(what_became_of_a_commit, open_wire, close_wire),
	};
	int failed;

	if (!pgsql_start()) {
		(void)fputs("skipped\n", stderr);
		return 0;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgsql_stop();
	return failed;
}
