/* Help out of the table of commands. */
#include "cli/cli.h"

#include <string.h>

#define NAME_WIDTH 18

const char *cli_version(void)
{
	return "yuandian " YD_VERSION;
}

static void usage(const struct cli *c, FILE *to)
{
	const struct cli_command *k = c->command;

	(void)fprintf(to, c->english ? "Usage: yuandian %s" : "用法：yuandian %s",
	              k != NULL ? k->name : (c->english ? "COMMAND" : "命令"));
	if (k == NULL) {
		(void)fprintf(to, c->english ? " [OPTION]…\n" : " [选项]…\n");
		return;
	}
	if (k->operands != NULL)
		(void)fprintf(to, k->least > 0 ? " %s" : " [%s]", k->operands);
	for (const struct cli_option *o = k->options; o != NULL && o->name != NULL; o++)
		(void)fprintf(to, o->flags & CLI_REQUIRED ? " --%s%s%s%s" : " [--%s%s%s]%s", o->name,
		              o->value != NULL ? " " : "", o->value != NULL ? o->value : "",
		              o->flags & CLI_REPEAT ? "…" : "");
	(void)fprintf(to, "\n\n%s\n", c->english ? k->en : k->zh);
}

static void options(const struct cli *c, FILE *to, const struct cli_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		int n = fprintf(to, "  --%s%s%s", o->name, o->value != NULL ? " " : "",
		                o->value != NULL ? o->value : "");

		(void)fprintf(to, "%*s%s\n", n < 30 ? 30 - n : 1, "", c->english ? o->en : o->zh);
	}
}

static void exits(const struct cli *c, FILE *to)
{
	(void)fputs(c->english ? "\nExit status: 0 ok, 1 failure, 2 usage, 3 authentication or permission, 4 "
	                         "not found,\n"
	                         "5 conflict with the state, 6 accepted but not complete yet, 7 unreachable, "
	                         "8 verification failed\n"
	                       : "\n退出码：0 成功，1 失败，2 用法错误，3 认证或权限，4 未找到，\n"
	                         "5 与状态冲突，6 已受理但未完成，7 服务不可达，8 验证未通过\n",
	            to);
}

static void list(const struct cli *c, FILE *to)
{
	(void)fputs(c->english ? "Yuandian, an electronic-certification platform for e-government\n\n"
	                       : "源点：电子政务电子认证服务平台\n\n",
	            to);
	usage(c, to);
	(void)fputs(c->english ? "\nCommands:\n" : "\n命令：\n", to);
	for (const struct cli_command *k = cli_commands; k->name != NULL; k++) {
		if (!k->inner)
			(void)fprintf(to, "  %-*s%s\n", NAME_WIDTH, k->name, c->english ? k->en : k->zh);
	}
}

void cli_help(const struct cli *c, FILE *to)
{
	if (c->command == NULL)
		list(c, to);
	else
		usage(c, to);
	(void)fputs(c->english ? "\nOptions:\n" : "\n选项：\n", to);
	if (c->command != NULL)
		options(c, to, c->command->options);
	options(c, to, cli_common);
	exits(c, to);
}

struct rc cmd_help(struct cli *c)
{
	char name[64];
	int n = 0;

	for (size_t i = 0; i < c->operand_count && n >= 0 && (size_t)n < sizeof(name); i++)
		n += snprintf(name + n, sizeof(name) - (size_t)n, "%s%s", i > 0 ? " " : "", c->operands[i]);
	c->command = NULL;
	for (const struct cli_command *k = cli_commands; k->name != NULL && c->operand_count > 0; k++) {
		if (strcmp(k->name, name) == 0)
			c->command = k;
	}
	REQUIRE(c->operand_count == 0 || c->command != NULL, USAGE, "%s: no such command", name);
	cli_help(c, c->out);
	return OK;
}
