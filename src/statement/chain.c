#include "statement/chain.h"

#include "base/time.h"

/* Where a kind keeps its number, its subject and its end; what is not listed has no editions. */
static const struct {
	enum statement_kind kind;
	const char *number, *subject, *until;
} kinds[] = {
        {STATEMENT_AUTHORISATION, "number", "institution", "not_after"},
        {STATEMENT_CPS, "version", "institution", "next_update"},
        {STATEMENT_RA_APPROVAL, "edition", "ra", "not_after"},
        {STATEMENT_CALENDAR, "edition", "year", "until"},
};

/* A name, or the year of a calendar. */
static RC subject_of(const json_t *body, const char *key, char *ret, size_t size)
{
	const json_t *v = json_object_get(body, key);
	struct slice s;

	if (json_is_integer(v)) {
		(void)snprintf(ret, size, "%lld", (long long)json_integer_value(v));
		return OK;
	}
	TRY(json_get_text(body, key, size - 1, &s));
	(void)snprintf(ret, size, "%.*s", (int)s.len, (const char *)s.p);
	return OK;
}

RC edition_of(const struct statement *s, bool *is, struct edition *ret)
{
	char subject[101];
	size_t k = 0;

	*is = false;
	while (k < sizeof(kinds) / sizeof(kinds[0]) && kinds[k].kind != s->kind)
		k++;
	if (k == sizeof(kinds) / sizeof(kinds[0]) || json_object_get(s->body, kinds[k].number) == NULL)
		return OK;
	*ret = (struct edition){.issued = s->issued};
	memcpy(ret->sm3, s->sm3, sizeof(ret->sm3));
	TRY(json_get_int(s->body, kinds[k].number, 1, INT64_MAX, &ret->number));
	TRY(subject_of(s->body, kinds[k].subject, subject, sizeof(subject)));
	(void)snprintf(ret->series, sizeof(ret->series), "%s %.*s %s", statement_kind_name(s->kind),
	               (int)s->organisation.len, (const char *)s->organisation.p, subject);
	if (json_object_get(s->body, kinds[k].until) != NULL)
		TRY(json_get_time(s->body, kinds[k].until, &ret->until));
	ret->has_previous = json_object_get(s->body, "previous") != NULL;
	if (ret->has_previous)
		TRY(json_get_hex(s->body, "previous", ret->previous, sizeof(ret->previous)));
	*is = true;
	return OK;
}

/* Whether an edition says what its number asks for, whatever came before. */
static RC check_alone(const struct edition *e)
{
	REQUIRE(e->number > 1 || !e->has_previous, STATEMENT_FORK,
	        "%s: the first edition names one before it", e->series);
	REQUIRE(e->number == 1 || e->has_previous, STATEMENT_GAP,
	        "%s: edition %lld does not name the one before it", e->series, (long long)e->number);
	return OK;
}

static RC check_after(const struct edition *known, const struct edition *e)
{
	long long number = (long long)e->number, newest = (long long)known->number;

	REQUIRE(number >= newest, STATEMENT_ROLLBACK, "%s: edition %lld, but %lld is known", e->series,
	        number, newest);
	REQUIRE(number > newest || memcmp(e->sm3, known->sm3, sizeof(e->sm3)) == 0, STATEMENT_FORK,
	        "%s: another edition %lld than the known one", e->series, number);
	if (number == newest)
		return OK;
	REQUIRE(number == newest + 1, STATEMENT_GAP, "%s: edition %lld follows %lld", e->series, number,
	        newest);
	REQUIRE(memcmp(e->previous, known->sm3, sizeof(e->previous)) == 0, STATEMENT_FORK,
	        "%s: edition %lld names another edition before it than the known one", e->series, number);
	REQUIRE(e->issued >= known->issued, STATEMENT_ROLLBACK,
	        "%s: edition %lld was issued before the one it follows", e->series, number);
	return OK;
}

RC chain_add(struct chain *c, const struct edition *e)
{
	size_t i = 0;

	TRY(check_alone(e));
	while (i < c->count && strcmp(c->at[i].series, e->series) != 0)
		i++;
	NEED(i < CHAIN_SERIES, RC_INPUT, "more than %d series of editions", CHAIN_SERIES);
	if (i < c->count)
		TRY(check_after(&c->at[i], e));
	else
		c->count++;
	c->at[i] = *e;
	return OK;
}

RC chain_current(const struct chain *c, int64_t now)
{
	for (size_t i = 0; i < c->count; i++) {
		char until[21];

		time_text(c->at[i].until, until);
		REQUIRE(c->at[i].until == 0 || now <= c->at[i].until, STATEMENT_FREEZE,
		        "%s: the newest edition, %lld, ended at %s", c->at[i].series,
		        (long long)c->at[i].number, until);
	}
	return OK;
}
