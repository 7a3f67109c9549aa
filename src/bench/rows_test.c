/* The file of rows: merged by name, whatever stood there before. */
#include "bench/rows.h"
#include "base/check.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <unistd.h>

static char path[64];

static int setup(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/yuandian-rows.XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void save(const char *name, double value, double peer)
{
	AUTO_MEM(struct bench_rows, r, mem_new(1, sizeof(*r)));
	struct bench_row row = {.value = value, .unit = "1/s", .peer_value = peer};

	assert_non_null(r);
	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	if (peer > 0)
		row.peer = rows_openssl();
	assert_ok(rows_add(r, &row));
	assert_ok(rows_save(r, path));
}

static json_t *load(void)
{
	return json_load_file(path, 0, NULL);
}

static void merged_by_name(void **state)
{
	json_t *list, *row;

	(void)state;
	save("a", 10, 4);
	save("b", 3, 0);
	save("a", 20, 4);
	list = load();
	assert_int_equal(json_array_size(list), 2);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "a");
	assert_true(json_real_value(json_object_get(row, "value")) == 20);
	assert_string_equal(json_string_value(json_object_get(row, "unit")), "1/s");
	assert_string_equal(json_string_value(json_object_get(row, "peer")), rows_openssl());
	assert_true(json_real_value(json_object_get(row, "peer_value")) == 4);
	assert_true(json_real_value(json_object_get(row, "ratio")) == 5);
	row = json_array_get(list, 1);
	assert_int_equal(json_object_size(row), 6);
	assert_true(json_is_null(json_object_get(row, "peer")));
	assert_true(json_is_null(json_object_get(row, "peer_value")));
	assert_true(json_is_null(json_object_get(row, "ratio")));
	json_decref(list);
}

static void rubbish_is_replaced(void **state)
{
	json_t *list;

	(void)state;
	assert_ok(file_write(path, slice_text("{\"not\":\"a list\"}"), 0644));
	save("a", 1, 0);
	list = load();
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(merged_by_name, setup, teardown),
	        cmocka_unit_test_setup_teardown(rubbish_is_replaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
