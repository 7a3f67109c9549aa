#ifndef YD_CLI_RULE_OPTIONS_H
#define YD_CLI_RULE_OPTIONS_H
/* Part of commands.c: the commands about calendar, deadlines and rules, and what they take. */

#define RULES \
	{"rules", "SET|FILE", "规则集：2009（缺省）、2024 或文件，可多次给出", \
	 "a set of rules: 2009 (default), 2024 or a file; may be repeated", CLI_REPEAT}
#define EDITIONS \
	{"editions", "DIR", "用此目录中经两人签署的日历（*.p7s），而非内置的", \
	 "the signed editions (*.p7s) of this folder instead of the built-in ones", 0}, \
	{"trust", "DIR", "判断签署者的信任目录（与 --editions 同用）", \
	 "trust folder that judges their signers, with --editions", 0}, \
	{"organisation", "ORG", "监管部门（缺省：信任目录的路径 ORG/ROLE/trust）", \
	 "the regulator (default: from the trust folder's path, ORG/ROLE/trust)", 0}

static const struct cli_option calendar_options[] = {EDITIONS, END};
static const struct cli_option calendar_count_options[] = {
	{"file", "FILE", "逐行计算文件中的“日期 N”", "count each line \"DATE N\" of a file", 0},
	EDITIONS,
	END,
};
static const struct cli_option calendar_sign_options[] = {
	{"as", "DIR", "监管人员凭证目录", "folder of the officer's credential", CLI_REQUIRED},
	{"organisation", "ORG", "所在的监管部门", "the regulator whose officer this is", CLI_REQUIRED},
	{"out", "FILE", "写入此文件", "write this file", CLI_REQUIRED},
	{"previous", "FILE.p7s", "所修改的版本（仅 enter）", "the edition that is amended (enter only)", 0},
	{"refuse", "REASON", "不同意该版本（仅 confirm）", "do not agree (confirm only)", 0},
	END,
};
static const struct cli_option rule_options[] = {RULES, AT, END};
static const struct cli_option deadline_options[] = {
	{"case", "FILE", "案卷 JSON，可多次给出", "a case (JSON); may be repeated", CLI_REPEAT},
	{"register", "URL", "读取监管登记库（文件或 pgsql:…）", "the database of a register (a file or pgsql:…)", 0},
	{"party", "NAME", "只列与其有关的期限（与 --register 同用）", "only what concerns this party, with --register", 0},
	{"state", "STATE", "只列此状态的期限（与 --register 同用）", "only what is in this state, with --register", 0},
	RULES,
	EDITIONS,
	AT,
	END,
};
static const struct cli_option deadline_explain_options[] = {RULES, EDITIONS, AT, END};

#define RULE_COMMANDS \
	{"calendar check", "DATE", 1, 1, calendar_options, cmd_calendar_check, "某日是否工作日", \
	 "whether a day is a working day", false}, \
	{"calendar count", "DATE +N|-N", 0, 2, calendar_count_options, cmd_calendar_count, \
	 "自某日起（或之前）第 N 个工作日", "the N-th working day after or before a day", false}, \
	{"calendar explain", "DATE +N|-N", 2, 2, calendar_options, cmd_calendar_explain, \
	 "逐日说明工作日的计算", "show the count day by day", false}, \
	{"calendar enter", "FILE.json", 1, 1, calendar_sign_options, cmd_calendar_enter, \
	 "录入并签署日历版本（第一人）", "sign an edition of the calendar, as the first of two", false}, \
	{"calendar confirm", "FILE.p7s", 1, 1, calendar_sign_options, cmd_calendar_confirm, \
	 "确认日历版本（第二人）", "confirm an edition of the calendar, as the second", false}, \
	{"deadline list", NULL, 0, 0, deadline_options, cmd_deadline_list, \
	 "列出法定期限，或案卷中的期限", "list the deadlines of the regulation, or those of cases", false}, \
	{"deadline show", "CASE/RULE/N", 1, 1, deadline_options, cmd_deadline_show, \
	 "查看一个期限的全部内容", "show all of one deadline", false}, \
	{"deadline explain", "FILE | DATE +N", 1, 2, deadline_explain_options, cmd_deadline_explain, \
	 "逐日说明案卷中期限的计算", "show day by day how the deadlines of a case were counted", false}, \
	{"rules list", NULL, 0, 0, rule_options, cmd_rules_list, "列出程序执行的条款", \
	 "list the rules that this program enforces, and where", false}

#endif
