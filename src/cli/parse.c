/* Arguments by the command's table, with getopt_long. */
#include "cli/cli.h"

#include "base/mem.h"
#include "base/slice.h"

#include <getopt.h>
#include <stdlib.h>

#define ARGUMENTS_MAX 1024
#define NEGATIVE '\001' /* stands before an operand like -60 while getopt looks */

static bool is_negative(const char *s)
{
	if (s[0] != '-' || s[1] == '\0')
		return false;
	return s[1 + strspn(s + 1, "0123456789")] == '\0';
}

/* "cert show" of argv[at], argv[at + 1]; *words tells how many of them are the name. */
static const struct cli_command *find(int argc, char *const *argv, int at, int *words)
{
	for (const struct cli_command *k = cli_commands; k->name != NULL; k++) {
		size_t first = strcspn(k->name, " ");

		if (strlen(argv[at]) != first || strncmp(k->name, argv[at], first) != 0)
			continue;
		*words = 1;
		if (k->name[first] == '\0')
			return k;
		*words = 2;
		if (at + 1 < argc && strcmp(k->name + first + 1, argv[at + 1]) == 0)
			return k;
	}
	return NULL;
}

/* Where the command stands: behind common options, of which only --lang takes an argument. */
static int command_at(int argc, char *const *argv)
{
	int at = 1;

	while (at < argc && argv[at][0] == '-')
		at += strcmp(argv[at], "--lang") == 0 ? 2 : 1;
	return at;
}

struct options {
	struct option table[CLI_OPTIONS_MAX + 1];
	const struct cli_option *source[CLI_OPTIONS_MAX];
	int count;
};

static void add_options(struct options *o, const struct cli_option *from)
{
	for (; from != NULL && from->name != NULL && o->count < CLI_OPTIONS_MAX; from++) {
		o->source[o->count] = from;
		o->table[o->count++] = (struct option){
		        .name = from->name, .has_arg = from->value != NULL ? required_argument : no_argument};
	}
}

static RC take_value(struct cli *c, const struct cli_option *o, const char *text)
{
	if (text != NULL && text[0] == NEGATIVE)
		text++;
	REQUIRE((o->flags & CLI_REPEAT) || cli_get(c, o->name) == NULL, USAGE, "--%s is given twice",
	        o->name);
	REQUIRE(c->value_count < CLI_VALUES_MAX, USAGE, "too many options");
	c->values[c->value_count++] = (struct cli_value){o, text != NULL ? text : ""};
	if (strcmp(o->name, "json") == 0)
		c->json = true;
	else if (strcmp(o->name, "help") == 0)
		c->help = true;
	else if (strcmp(o->name, "version") == 0)
		c->version = true;
	return OK;
}

/* Early, so that even a usage error speaks the language and form asked for. */
static void look_ahead(struct cli *c, int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--lang=en") == 0)
			c->english = true;
		else if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc)
			c->english = strcmp(argv[i + 1], "en") == 0;
	}
}

static RC walk(struct cli *c, struct options *o, int argc, char **argv)
{
	int opt, index = 0;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", o->table, &index)) != -1) {
		REQUIRE(opt != ':', USAGE, "%s needs an argument", argv[optind - 1]);
		REQUIRE(opt != '?', USAGE, "%s: no such option", argv[optind - 1]);
		TRY(take_value(c, o->source[index], optarg));
	}
	for (; optind < argc; optind++) {
		REQUIRE(c->operand_count < CLI_OPERANDS_MAX, USAGE, "more than %d operands",
		        CLI_OPERANDS_MAX);
		c->operands[c->operand_count++] = argv[optind] + (argv[optind][0] == NEGATIVE);
	}
	return OK;
}

static RC complete(const struct cli *c)
{
	const struct cli_command *k = c->command;
	const char *lang = cli_get(c, "lang");

	REQUIRE(lang == NULL || strcmp(lang, "zh") == 0 || strcmp(lang, "en") == 0, USAGE,
	        "--lang is zh or en");
	if (c->help || c->version)
		return OK;
	REQUIRE(k != NULL, USAGE, "no command; yuandian --help lists them");
	REQUIRE(c->operand_count >= k->least, USAGE, "%s needs %s", k->name, k->operands);
	REQUIRE(c->operand_count <= k->most, USAGE, "%s: one argument too many: %s", k->name,
	        c->operands[k->most]);
	for (const struct cli_option *o = k->options; o != NULL && o->name != NULL; o++)
		REQUIRE(!(o->flags & CLI_REQUIRED) || cli_get(c, o->name) != NULL, USAGE, "%s needs --%s %s",
		        k->name, o->name, o->value);
	return OK;
}

/* getopt reorders what it walks, so it gets copies of everything but the command's name. */
static RC copy_arguments(struct cli *c, int argc, char *const *argv, int skip, int words)
{
	size_t size = 0;
	char *to;

	for (int i = 0; i < argc; i++)
		size += sizeof(char *) + strlen(argv[i]) + 2;
	c->arguments = mem_new(1, size + sizeof(char *));
	NEED(c->arguments != NULL, RC_NOMEM, "no memory");
	to = (char *)(c->arguments + argc + 1);
	for (int i = 0; i < argc; i++) {
		if (i >= skip && i < skip + words)
			continue;
		c->arguments[c->argument_count++] = to;
		if (is_negative(argv[i]))
			*to++ = NEGATIVE;
		to = stpcpy(to, argv[i]) + 1;
	}
	return OK;
}

RC cli_parse(struct cli *c, int argc, char *const *argv)
{
	struct options o = {.count = 0};
	int at, words = 0;

	look_ahead(c, argc, argv);
	REQUIRE(argc >= 1 && argc <= ARGUMENTS_MAX, USAGE, "more than %d arguments", ARGUMENTS_MAX);
	at = command_at(argc, argv);
	if (at < argc) {
		c->command = find(argc, argv, at, &words);
		REQUIRE(c->command != NULL, USAGE, "%s%s%s: no such command", argv[at],
		        at + 1 < argc ? " " : "", at + 1 < argc ? argv[at + 1] : "");
	}
	TRY(copy_arguments(c, argc, argv, at, words));
	add_options(&o, cli_common);
	if (c->command != NULL)
		add_options(&o, c->command->options);
	TRY(walk(c, &o, c->argument_count, c->arguments));
	return complete(c);
}
