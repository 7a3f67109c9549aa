/* yuandian calendar check|count|explain: working days by the editions that this program has. */
#include "base/text.h"
#include "cli/calendar.h"

#define TERM_DIGITS 5
#define COUNT_FILE_MAX (16u << 20)

/* "+10", "-60", "10"; calendar-term refuses the rest. */
static RC read_term(const char *text, int *ret)
{
	const char *p = text;
	int v = 0;

	if (*p == '+' || *p == '-')
		p++;
	REQUIRE(*p != '\0' && strlen(p) <= TERM_DIGITS && strspn(p, "0123456789") == strlen(p), CALENDAR_TERM,
	        "%.16s is no number of working days", text);
	for (; *p != '\0'; p++)
		v = v * 10 + (*p - '0');
	*ret = *text == '-' ? -v : v;
	return OK;
}

static const char *class_text(const struct cli *c, enum day_class class)
{
	static const char *const zh[] = {"工作日", "调休上班", "放假", "周末"};

	return c->english ? day_class_name(class) : zh[class];
}

static const char *weekday_text(const struct cli *c, int32_t day)
{
	static const char *const zh[] = {"周一", "周二", "周三", "周四", "周五", "周六", "周日"};
	static const char *const en[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

	return c->english ? en[day_weekday(day)] : zh[day_weekday(day)];
}

static json_t *fact_json(int32_t day, const struct day_fact *f)
{
	json_t *o = json_object();
	char date[DAY_TEXT];

	day_text(day, date);
	json_put_cstr(o, "date", date);
	json_put_int(o, "weekday", day_weekday(day) + 1);
	json_put_bool(o, "working", f->works);
	json_put_cstr(o, "class", day_class_name(f->class));
	if (f->name != NULL)
		json_put_cstr(o, "name", f->name);
	if (f->edition != NULL && f->edition->notice[0] != '\0')
		json_put_cstr(o, "notice", f->edition->notice);
	json_put_cstr(o, "status", f->provisional ? "provisional" : "firm");
	return o;
}

static void put_set(json_t *o, const struct calendar *calendar)
{
	uint8_t set[32];

	calendar_print(calendar, set);
	json_put_hex(o, "edition_set", SLICE_ARR(set));
	json_put_take(o, "editions", calendar_json(calendar));
}

static void print_fact(struct cli *c, int32_t day, const struct day_fact *f)
{
	char date[DAY_TEXT];

	day_text(day, date);
	cli_line(c, "%s %s %s%s%s%s", date, weekday_text(c, day), class_text(c, f->class),
	         f->name != NULL ? " " : "", f->name != NULL ? f->name : "",
	         !f->provisional ? ""
	         : c->english    ? " (provisional: no notice for this year)"
	                         : "（暂定：该年尚无通知）");
}

struct rc cmd_calendar_check(struct cli *c)
{
	AUTO(calendar, calendar, NULL);
	struct day_fact fact;
	int32_t day;
	json_t *o;

	TRY(day_parse(slice_text(c->operands[0]), &day));
	TRY(calendar_open(c, &calendar));
	calendar_day(calendar, day, &fact);
	if (!c->json) {
		print_fact(c, day, &fact);
		return OK;
	}
	o = fact_json(day, &fact);
	put_set(o, calendar);
	return cli_json(c, "calendar-check", o);
}

static RC read_operands(struct cli *c, int32_t *from, int *n, struct calendar **calendar)
{
	TRY(day_parse(slice_text(c->operands[0]), from));
	TRY(read_term(c->operands[1], n));
	return calendar_open(c, calendar);
}

static json_t *count_json(const struct calendar *calendar, int32_t from, int n, const struct day_count *end)
{
	json_t *o = json_object();
	char date[DAY_TEXT];

	day_text(from, date);
	json_put_cstr(o, "from", date);
	json_put_int(o, "working_days", n);
	day_text(end->day, date);
	json_put_cstr(o, "date", date);
	json_put_time(o, "until", day_end(end->day));
	json_put_cstr(o, "status", end->provisional ? "provisional" : "firm");
	put_set(o, calendar);
	return o;
}

static void note_provisional(struct cli *c, const struct day_count *end)
{
	if (end->provisional)
		cli_note(c, "暂定：计算涉及尚无放假安排通知的年份。",
		         "Provisional: the count reaches into a year without a notice.");
}

/* One line of a file: "DATE N". */
static RC count_line(struct cli *c, const struct calendar *calendar, struct slice line)
{
	const uint8_t *space = line.len > 0 ? memchr(line.p, ' ', line.len) : NULL;
	size_t at = space != NULL ? (size_t)(space - line.p) : 0;
	char term[16] = "", date[DAY_TEXT];
	struct day_count end;
	int32_t from;
	int n;

	REQUIRE(space != NULL && line.len - at - 1 < sizeof(term), CALENDAR_TERM, "not \"DATE N\"");
	TRY(day_parse(slice_of(line.p, at), &from));
	memcpy(term, space + 1, line.len - at - 1);
	TRY(read_term(term, &n));
	TRY(calendar_count(calendar, from, n, &end));
	day_text(end.day, date);
	cli_line(c, "%s %s", date, end.provisional ? "provisional" : "firm");
	return OK;
}

static RC count_file(struct cli *c, const struct calendar *calendar, const char *path)
{
	AUTO_BUF(file, COUNT_FILE_MAX);
	struct slice rest;
	size_t number = 0;

	TRY(file_read(path, COUNT_FILE_MAX, &file));
	for (rest = buf_slice(&file); rest.len > 0;) {
		const uint8_t *end = memchr(rest.p, '\n', rest.len);
		size_t len = end != NULL ? (size_t)(end - rest.p) : rest.len;

		number++;
		TRY(rc_note(count_line(c, calendar, slice_of(rest.p, len)), "%s:%zu", path, number));
		len += end != NULL ? 1 : 0;
		rest = slice_of(rest.p + len, rest.len - len);
	}
	return OK;
}

static RC count_many(struct cli *c)
{
	AUTO(calendar, calendar, NULL);

	REQUIRE(c->operand_count == 0 && !c->json, USAGE, "--file takes neither DATE nor --json");
	TRY(calendar_open(c, &calendar));
	return count_file(c, calendar, cli_get(c, "file"));
}

struct rc cmd_calendar_count(struct cli *c)
{
	AUTO(calendar, calendar, NULL);
	struct day_count end;
	char date[DAY_TEXT];
	int32_t from;
	int n;

	if (cli_has(c, "file"))
		return count_many(c);
	REQUIRE(c->operand_count == 2, USAGE, "DATE and +N or -N are needed");
	TRY(read_operands(c, &from, &n, &calendar));
	TRY(calendar_count(calendar, from, n, &end));
	if (c->json)
		return cli_json(c, "calendar-count", count_json(calendar, from, n, &end));
	day_text(end.day, date);
	cli_line(c, "%s", date);
	note_provisional(c, &end);
	return OK;
}

struct explaining {
	struct cli *c;
	json_t *days; /* NULL: as text */
};

static struct rc explain_day(void *arg, int32_t day, const struct day_fact *f, int running)
{
	struct explaining *e = arg;
	char date[DAY_TEXT];
	json_t *o;

	if (e->days != NULL) {
		o = fact_json(day, f);
		if (running > 0)
			json_put_int(o, "number", running);
		NEED(o != NULL && json_array_append_new(e->days, o) == 0, RC_NOMEM, "no memory");
		return OK;
	}
	day_text(day, date);
	if (running > 0)
		(void)fprintf(e->c->out, "%4d  ", running);
	else
		(void)fputs("   -  ", e->c->out);
	print_fact(e->c, day, f);
	return OK;
}

RC calendar_print_days(struct cli *c, const struct calendar *calendar, int32_t from, int n)
{
	struct explaining e = {c, NULL};

	return calendar_walk(calendar, from, n, explain_day, &e);
}

RC calendar_put_days(const struct calendar *calendar, int32_t from, int n, json_t *o)
{
	AUTO_JSON(days, json_array());
	struct explaining e = {NULL, days};

	NEED(days != NULL, RC_NOMEM, "no memory");
	TRY(calendar_walk(calendar, from, n, explain_day, &e));
	json_put_take(o, "days", json_incref(days));
	return json_put_result();
}

struct rc cmd_calendar_explain(struct cli *c)
{
	AUTO(calendar, calendar, NULL);
	struct day_count end;
	int32_t from;
	json_t *o;
	int n;

	TRY(read_operands(c, &from, &n, &calendar));
	TRY(calendar_count(calendar, from, n, &end));
	if (!c->json) {
		TRY(calendar_print_days(c, calendar, from, n));
		note_provisional(c, &end);
		return OK;
	}
	o = count_json(calendar, from, n, &end);
	TRY(calendar_put_days(calendar, from, n, o));
	return cli_json(c, "calendar-explain", o);
}
