#ifndef YD_CLI_RULE_OPTIONS_H
#define YD_CLI_RULE_OPTIONS_H
/* Part of commands.c: what the commands about calendar, deadlines and rules take. */

#define RULES \
	{"rules", "SET", "规则集：2009（缺省）或 2024", "set of rules: 2009 (default) or 2024", 0}

static const struct cli_option calendar_count_options[] = {
	{"file", "FILE", "逐行计算文件中的“日期 N”", "count each line \"DATE N\" of a file", 0},
	END,
};
static const struct cli_option rule_options[] = {RULES, AT, END};
static const struct cli_option deadline_options[] = {
	{"case", "FILE", "案卷 JSON，可多次给出", "a case (JSON); may be repeated", CLI_REPEAT},
	RULES,
	AT,
	END,
};

#endif
