#include "bench/filled.h"

#include "base/clock.h"
#include "status/store.h"

#include <stdio.h>
#include <unistd.h>

#define STEP 20000 /* of one transaction */

void filled_serial(size_t i, size_t n, uint8_t ret[FILLED_SERIAL])
{
	uint64_t high = ((uint64_t)1 << 62) + i * (((uint64_t)1 << 62) / n);
	uint64_t low = (i + n) * 0x9e3779b97f4a7c15u;

	for (int k = 0; k < 8; k++) {
		ret[k] = (uint8_t)(high >> (56 - 8 * k));
		ret[8 + k] = (uint8_t)(low >> (56 - 8 * k));
	}
}

static RC insert(struct db *db, size_t from, size_t to, size_t n)
{
	static const uint8_t sm3[32] = {1};
	uint8_t serial[FILLED_SERIAL];
	struct status_row row = {.ca = SLICE_LIT("sm2"), .serial = SLICE_ARR(serial), .sm3 = sm3};

	row.not_before = clock_now();
	row.not_after = row.not_before + 365 * 86400;
	for (; from < to; from++) {
		filled_serial(from, n, serial);
		TRY(status_store_issued(db, &row));
	}
	return OK;
}

RC filled_status(const char *data, size_t n)
{
	AUTO(db, db, NULL);
	char path[4096], segment[4096];
	int len = snprintf(path, sizeof(path), "%s/shifan/status/data.db", data);

	NEED(len > 0 && (size_t)len < sizeof(path), RC_INPUT, "bench: the path is too long");
	TRY(db_open(path, false, &db));
	/* is made again from the database at the start */
	(void)snprintf(segment, sizeof(segment), "%.4000s/shifan/status/status.segment", data);
	(void)unlink(segment);
	for (size_t i = 0; i < n; i += STEP) {
		TRY(db_verb(db, DB_BEGIN));
		TRY(insert(db, i, i + STEP < n ? i + STEP : n, n));
		TRY(db_verb(db, DB_COMMIT));
	}
	return OK;
}
