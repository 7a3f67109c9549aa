/* platform.json and each instance's config.yaml. */
#include "ceremony/act.h"

#include <stdio.h>

#define WITNESSES 3 /* of one log */

RC ceremony_layout(const struct plan *plan, unsigned base, struct plat *ret)
{
	*ret = (struct plat){.test_keys = plan->test};
	for (size_t i = 0; i < plan->instances; i++) {
		const struct plan_instance *from = &plan->instance[i];
		struct plat_instance *to = &ret->instance[ret->count];
		if (!from->runs)
			continue;
		snprintf(to->name, sizeof to->name, "%s", from->name);
		snprintf(to->org, sizeof to->org, "%s", from->org->id);
		snprintf(to->role, sizeof to->role, "%s", from->role);
		to->uid = ACT_UID_FIRST + 2 * (unsigned)ret->count;
		to->signer_uid = to->uid + 1;
		ret->count++;
	}
	plat_ports(ret, base);
	return OK;
}

static void add_peer(const struct ceremony *c, struct buf *out, const char *what,
                     const struct plan_instance *at)
{
	const struct plat_instance *p = at != NULL ? plat_find(&c->plat, at->name) : NULL;
	if (p != NULL)
		buf_printf(out, "%s_name: %s\n%s_url: https://" PLAT_HOST ":%u\n", what, p->name, what,
		           p->api);
}

RC act_database(const struct ceremony *c, const struct plan_instance *at, char ret[ACT_PATH])
{
	AUTO_BUF(out, ACT_PATH - 1);
	if (c->plan->database == NULL)
		return act_path(c, ret, "%s/data.db", at->name);
	buf_printf(&out, "%s options=-csearch_path=", c->plan->database);
	for (const char *p = at->name; *p != 0; p++)
		buf_text(&out, *p == '/' ? "__" : *p == '-' ? "_" : (char[]){*p, 0});
	TRY(buf_done(&out));
	snprintf(ret, ACT_PATH, "%s", buf_cstr(&out));
	return OK;
}

/* Who keeps the heads of this log: the neighbours in the institution; of the key-management centre and the
 * source, one another (design 4). */
static void add_witnesses(const struct ceremony *c, struct buf *out, const struct plan_instance *at)
{
	static const struct {
		const char *role, *witness[WITNESSES];
	} table[] = {{"ca", {"vault", "ra", "status"}}, {"ra", {"vault", "ca", "status"}},
	             {"status", {"ca", "ra"}},          {"vault", {"ca", "ra", "status"}},
	             {"kmc", {"source", NULL}},         {"source", {"kmc", NULL}}};
	bool begun = false;

	for (size_t i = 0; i < WITNESSES * sizeof table / sizeof table[0]; i++) {
		const char *role = table[i / WITNESSES].witness[i % WITNESSES];
		if (strcmp(table[i / WITNESSES].role, at->role) != 0 || role == NULL)
			continue;
		const struct plan_org *org = strcmp(role, "kmc") == 0      ? c->plan->keycentre
		                             : strcmp(role, "source") == 0 ? c->plan->national
		                                                           : at->org;
		const struct plan_instance *of = org != NULL ? plan_find_role(c->plan, org, role) : NULL;
		const struct plat_instance *p = of != NULL ? plat_find(&c->plat, of->name) : NULL;
		if (p == NULL)
			continue;
		buf_printf(out, "%s%s=https://" PLAT_HOST ":%u", begun ? " " : "log_witnesses: ", p->name,
		           p->api);
		begun = true;
	}
	if (begun)
		buf_u8(out, '\n');
}

/* Whom this instance calls. */
static void add_neighbours(const struct ceremony *c, struct buf *out, const struct plan_instance *at)
{
	static const struct {
		const char *role, *peer;
	} table[] = {{"ra", "ca"},    {"status", "ca"}, {"vault", "ca"}, {"vault", "ra"},
	             {"ca", "vault"}, {"ra", "vault"},  {"ca", "kmc"}};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const struct plan_org *org = strcmp(table[i].peer, "kmc") == 0 ? c->plan->keycentre : at->org;
		if (strcmp(table[i].role, at->role) == 0)
			add_peer(c, out, table[i].peer, plan_find_role(c->plan, org, table[i].peer));
	}
}

static RC write_config(struct ceremony *c, const struct plan_instance *at)
{
	const struct plat_instance *p = plat_find(&c->plat, at->name);
	char base[256];
	AUTO_BUF(out, 8192);
	buf_printf(&out, "# %s: see yuandian.1; `up --base-port` keeps the ports of this file in step.\n",
	           at->name);
	buf_printf(&out, "api_port: %u\nmanagement_port: %u\n", p->api, p->management);
	if (p->public != 0)
		buf_printf(&out, "public_port: %u\n", p->public);
	add_neighbours(c, &out, at);
	act_base(c, p->public != 0 ? at : plan_find_role(c->plan, at->org, "status"), base, sizeof base);
	if (base[0] != 0)
		buf_printf(&out, "public_base: %s\n", base);
	add_witnesses(c, &out, at);
	if (c->plan->database != NULL) {
		char url[ACT_PATH];
		TRY(act_database(c, at, url));
		buf_printf(&out, "database: \"%s\"\n", url);
	}
	TRY(buf_done(&out));
	return act_write(c, buf_slice(&out), 0644, "%s/config.yaml", at->name);
}

RC act_write_configs(struct ceremony *c)
{
	for (size_t i = 0; i < c->plan->instances; i++)
		if (c->plan->instance[i].runs)
			TRY(write_config(c, &c->plan->instance[i]));
	return plat_save(&c->plat);
}
