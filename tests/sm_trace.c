/* Constant time of what valgrind cannot run (R06.8): each operation is single-stepped with several secrets,
 * and the instructions it takes and the addresses it touches must be the same for all of them.  Addresses
 * are computed from the registers before each step and the memory operands that objdump reads in this very
 * program, which is linked statically so that the C library is watched too.  Planted leaks must be found.
 * What this cannot see: paths that none of the secrets takes, and how long one instruction lasts; gathers
 * and divisions are therefore refused wherever they are met.  Usage: sm_trace [SECRETS]; with more than two
 * what is built on the engines is stepped as well. */
#include "base/rand.h"
#include "sm/sm2.h"
#include "sm/sm2_engine.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <immintrin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#define STEPS_MAX (4u << 20)
#define TRAP_FLAG 0x100 /* of the flags register: a signal after each instruction */
#define MANY 40         /* more groups of eight than are done one by one */
#define TEXT 1200

/* ---- memory operands, by address of the instruction ---- */

struct operand {
	uint64_t at;
	int8_t base, index; /* places in gregset_t; -1: none */
	uint8_t scale;
	bool refused;
	int64_t offset;
};

static struct operand *operands;
static size_t operand_count, operand_room;

static const struct {
	const char *name;
	int8_t at;
} registers[] = {
        {"rax", REG_RAX}, {"rbx", REG_RBX}, {"rcx", REG_RCX}, {"rdx", REG_RDX}, {"rsi", REG_RSI},
        {"rdi", REG_RDI}, {"rbp", REG_RBP}, {"rsp", REG_RSP}, {"r8", REG_R8},   {"r9", REG_R9},
        {"r10", REG_R10}, {"r11", REG_R11}, {"r12", REG_R12}, {"r13", REG_R13}, {"r14", REG_R14},
        {"r15", REG_R15}, {"rip", REG_RIP},
};

/* -1: none of them (a vector: a gather). */
static int8_t register_at(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (strlen(registers[i].name) == len && memcmp(registers[i].name, s, len) == 0)
			return registers[i].at;
	}
	return -1;
}

/* "%rax", then what follows it. */
static const char *take_register(const char *s, int8_t *ret)
{
	size_t len = strcspn(s, ",)");

	*ret = len > 1 ? register_at(s + 1, len - 1) : -1;
	return s + len;
}

/* -0x8(%rax,%rdx,4); what objdump prints behind # is not read. */
static bool parse_operand(const char *text, struct operand *o)
{
	const char *open = strchr(text, '('), *s = open;

	if (open == NULL)
		return false;
	while (s > text && strchr(" ,*:", s[-1]) == NULL)
		s--;
	o->offset = (int64_t)(s[0] == '-' ? 0 - strtoull(s + 1, NULL, 16) : strtoull(s, NULL, 16));
	o->base = o->index = -1;
	o->scale = 1;
	s = open + 1;
	if (*s == '%')
		s = take_register(s, &o->base);
	if (*s == ',' && s[1] == '%') {
		o->refused = strchr("xyz", s[2]) != NULL && s[3] == 'm';
		s = take_register(s + 1, &o->index);
		if (*s == ',')
			o->scale = (uint8_t)strtoul(s + 1, NULL, 10);
	}
	return true;
}

static void add_operand(struct operand o)
{
	if (operand_count == operand_room) {
		operand_room = operand_room * 2 + 65536;
		operands = realloc(operands, operand_room * sizeof(*operands));
		if (operands == NULL)
			abort();
	}
	operands[operand_count++] = o;
}

/* "  401000:\tmov    0x8(%rax),%rbx" */
static void read_line(char *line)
{
	char *colon = strchr(line, ':'), *text, *second;
	struct operand o = {.base = -1, .index = -1};
	bool memory;

	if (line[0] != ' ' || colon == NULL || colon[1] != '\t')
		return;
	o.at = strtoull(line, NULL, 16);
	text = colon + 2;
	text[strcspn(text, "#<\n")] = 0;
	if (strncmp(text, "lea", 3) == 0 || strncmp(text, "nop", 3) == 0)
		return;
	memory = parse_operand(text, &o);
	/* an exception for the C library's own start: only instructions that are stepped count */
	if (strncmp(text, "div", 3) == 0 || strncmp(text, "idiv", 4) == 0)
		o.refused = true;
	if (memory || o.refused)
		add_operand(o);
	second = memory ? strchr(text, ')') : NULL; /* string instructions have two */
	if (second != NULL && parse_operand(second + 1, &o))
		add_operand(o);
}

static bool read_operands(void)
{
	char line[512], command[300];
	FILE *f;

	(void)snprintf(command, sizeof(command), "exec objdump -d --no-show-raw-insn /proc/%d/exe",
	               (int)getpid());
	f = popen(command, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		read_line(line);
	return f != NULL && pclose(f) == 0 && operand_count > 1000;
}

/* The first operand of the instruction there; they are in order. */
static size_t find_operand(uint64_t at)
{
	size_t low = 0, high = operand_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (operands[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- what is stepped ---- */

static struct {
	uint8_t d[MANY][32], bytes[TEXT], key[32];
	struct sc k[MANY];
} secret;

static struct {
	struct sm2_key key;
	struct sm2_pub pubs[MANY];
	struct sm2_xy points[MANY], results[MANY];
	struct sm2_key keys[MANY];
	struct sm2_sig sigs[MANY];
	struct slice messages[MANY], texts[MANY];
	uint8_t wrapped[MANY][112], plain[MANY][16], text[TEXT], out[TEXT], tag[16], hashes[MANY][32];
	uint8_t raw[100 + 96];
	struct sm2_cipher cipher;
	struct buf buf;
	struct sm4 sm4;
} world;

static unsigned drawn, secrets = 2;
static volatile uint64_t sink;

/* In place of base/rand: the secret numbers. */
RC rand_bytes(void *p, size_t len)
{
	memcpy(p, secret.d[drawn], len);
	drawn = (drawn + (unsigned)(len / 32)) % MANY;
	return OK;
}

bool rand_healthy(void)
{
	return true;
}

static void must(struct rc rc)
{
	if (!rc_ok(rc)) {
		fprintf(stderr, "%s\n", rc_last()->text);
		abort();
	}
}

static void base_few(void)
{
	sm2_engine_for(8)->base(world.results, secret.k, 8);
}

static void base_many(void)
{
	sm2_engine_for(MANY)->base(world.results, secret.k, MANY);
}

static void multiply(void)
{
	sm2_engine_for(8)->multiply(world.results, secret.k, world.points, 8);
}

static void load_key(void)
{
	must(sm2_key_load(secret.d[0], &world.keys[0]));
}

static void new_keys(void)
{
	must(sm2_key_new_batch(world.keys, 9));
}

static void own_key(void)
{
	memcpy(world.key.d, secret.d[1], 32);
	memcpy(world.key.inv1d, secret.k[2].v, 32);
}

static void sign(void)
{
	own_key();
	must(sm2_sign(&world.key, SM2_ID, world.messages[0], &world.sigs[0]));
}

static void sign_batch(void)
{
	own_key();
	must(sm2_sign_batch(&world.key, SM2_ID, world.messages, world.sigs, 9));
}

static void encrypt_keys(void)
{
	memcpy(world.plain, secret.bytes, sizeof(world.plain));
	must(sm2_encrypt_keys(world.pubs, (const uint8_t(*)[16])world.plain, world.wrapped, 8));
}

static void decrypt(void)
{
	/* of another key: refused in the end, as for every secret here */
	own_key();
	buf_clear(&world.buf);
	sink = rc_ok(sm2_decrypt(&world.key, &world.cipher, &world.buf));
}

static void hashing(void)
{
	sm3_hash_batch(world.texts, world.hashes, 20);
	sm3_hmac_of(SLICE_ARR(secret.key), slice_of(secret.bytes, 200), world.hashes[0]);
}

static void blocks(void)
{
	uint8_t iv[16];

	memcpy(iv, secret.bytes, 16);
	sm4_init(&world.sm4, secret.key);
	sm4_ecb_encrypt(&world.sm4, secret.bytes, world.out, TEXT / 16);
	sm4_ecb_decrypt(&world.sm4, secret.bytes, world.out, TEXT / 16);
	sm4_cbc_encrypt(&world.sm4, iv, secret.bytes, world.out, 10);
	sm4_cbc_decrypt(&world.sm4, iv, secret.bytes, world.out, TEXT / 16);
	sm4_ctr(&world.sm4, (uint8_t[16]){0}, secret.bytes, world.out, TEXT - 3);
	sm4_wipe(&world.sm4);
}

static void sealing(void)
{
	sm4_init(&world.sm4, secret.key);
	sm4_gcm_seal(&world.sm4, world.text, slice_of(secret.bytes, 33), slice_of(secret.bytes, TEXT - 5),
	             world.out, world.tag);
	sm4_wipe(&world.sm4);
}

/* ---- the leaks that must be found ---- */

static void leak_branch(void)
{
	if (secret.d[3][5] & 1)
		sink = 1;
	else
		sink = sink * 3 + 2;
}

static void leak_address(void)
{
	static uint64_t table[256];

	sink = *(volatile uint64_t *)&table[secret.d[3][5]];
}

static void leak_count(void)
{
	unsigned i;

	for (i = 0; i < secret.d[3][5]; i++)
		sink = sink + i;
}

static void leak_division(void)
{
	sink = (uint64_t)0xffffffffffff / (secret.d[3][5] + 3u + sink % 2);
}

__attribute__((target("avx2"))) static void leak_gather(void)
{
	static uint64_t table[256];
	long long r[4];
	__m256i index = _mm256_set1_epi64x(secret.d[3][5]);

	_mm256_storeu_si256((__m256i *)(void *)r,
	                    _mm256_i64gather_epi64((const long long *)(const void *)table, index, 8));
	sink = (uint64_t)r[0];
}

/* ---- stepping ---- */

struct step {
	uint64_t at, touched;
};
struct trace {
	size_t n;
	uint64_t refused; /* where something stood that may not */
	struct step *steps;
};

static struct trace *now;

static void note(struct trace *t, const greg_t *r)
{
	uint64_t sum = (uint64_t)r[REG_RSP], at = (uint64_t)r[REG_RIP];
	size_t i;

	for (i = find_operand(at); i < operand_count && operands[i].at == at; i++) {
		const struct operand *o = &operands[i];

		if (o->refused && t->refused == 0)
			t->refused = o->at;
		sum = sum * 0x9e3779b97f4a7c15 + (uint64_t)o->offset;
		if (o->base >= 0)
			sum += (uint64_t)r[o->base];
		if (o->index >= 0)
			sum += (uint64_t)r[o->index] * o->scale;
	}
	if (t->n < STEPS_MAX)
		t->steps[t->n] = (struct step){at, sum};
	t->n++;
}

/* SIGUSR1 begins, SIGTRAP comes after each instruction, SIGUSR2 ends. */
static void stepped(int number, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	if (number == SIGUSR1)
		r[REG_EFL] |= TRAP_FLAG;
	else if (number == SIGTRAP)
		note(now, r);
	else
		r[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void make_secret(unsigned which)
{
	uint64_t state = 0x9e3779b97f4a7c15 * (which + 1);
	uint8_t *p = (uint8_t *)&secret;
	size_t i;

	for (i = 0; i < sizeof(secret); i++) {
		state = state * 6364136223846793005 + 1442695040888963407;
		p[i] = (uint8_t)(state >> 40);
	}
	for (i = 0; i < MANY; i++) {
		if (which == 1) /* sparse numbers: long runs of equal digits */
			memset(secret.d[i] + 1, i % 2 != 0 ? 0xff : 0, 20);
		secret.d[i][0] = (uint8_t)(which == 1 ? 0 : secret.d[i][0] & 0x7f);
		(void)sc_from_bytes(&secret.k[i], secret.d[i]);
	}
	drawn = 0;
}

/* From raise() to raise(); their own instructions are the same each time. */
__attribute__((noinline)) static void step(void (*run)(void), unsigned which, struct trace *t)
{
	now = t;
	t->n = 0;
	t->refused = 0;
	make_secret(which);
	(void)raise(SIGUSR1);
	run();
	(void)raise(SIGUSR2);
}

static void catch_signals(void)
{
	struct sigaction a = {.sa_sigaction = stepped, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	static uint8_t room[1 << 16];
	stack_t own = {.ss_sp = room, .ss_size = sizeof(room)};

	(void)sigaltstack(&own, NULL);
	(void)sigaction(SIGUSR1, &a, NULL);
	(void)sigaction(SIGUSR2, &a, NULL);
	(void)sigaction(SIGTRAP, &a, NULL);
}

enum verdict { SAME, OTHER_PATH, OTHER_ADDRESS, REFUSED, TOO_LONG };
static const char *const verdicts[] = {"the same", "another path", "another address",
                                       "a gather or a division", "too long"};

static enum verdict compare(const struct trace *a, const struct trace *b, uint64_t *where)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n && i < STEPS_MAX; i++) {
		*where = a->steps[i > 0 ? i - 1 : 0].at;
		if (a->steps[i].at != b->steps[i].at)
			return OTHER_PATH;
		*where = a->steps[i].at;
		if (a->steps[i].touched != b->steps[i].touched)
			return OTHER_ADDRESS;
	}
	return a->n == b->n ? SAME : OTHER_PATH;
}

static enum verdict watch(void (*run)(void), size_t *steps, uint64_t *where)
{
	static struct step room[2][STEPS_MAX];
	struct trace first = {.steps = room[0]}, next = {.steps = room[1]};
	enum verdict v = SAME;
	unsigned which;

	step(run, 0, &first);
	*steps = first.n;
	if (first.n > STEPS_MAX)
		return TOO_LONG;
	for (which = 1; which < secrets && v == SAME; which++) {
		step(run, which, &next);
		v = compare(&first, &next, where);
	}
	if (v == SAME && first.refused != 0) {
		*where = first.refused;
		v = REFUSED;
	}
	return v;
}

/* ---- all of it ---- */

static const struct {
	const char *name;
	void (*run)(void);
	size_t least; /* instructions, else something was not watched */
	bool scalar;  /* vectors are not what takes the time: valgrind sees it (sm_ct.c) */
} watched[] = {
        {"k G for eight", base_few, 20000},
        {"k G for thirty-three", base_many, 60000},
        {"k P for eight", multiply, 100000},
        {"a key loaded", load_key, 20000, true},
        {"nine new keys", new_keys, 30000, true},
        {"a signature", sign, 20000, true},
        {"nine signatures", sign_batch, 30000, true},
        {"eight envelopes", encrypt_keys, 100000, true},
        {"decryption", decrypt, 50000, true},
        {"SM3", hashing, 10000},
        {"SM4", blocks, 10000},
        {"SM4-GCM", sealing, 5000},
};

static const struct {
	const char *name;
	void (*run)(void);
	enum verdict found;
} planted[] = {
        {"a branch", leak_branch, OTHER_PATH},       {"a loop", leak_count, OTHER_PATH},
        {"an address", leak_address, OTHER_ADDRESS}, {"a division", leak_division, REFUSED},
        {"a gather", leak_gather, REFUSED},
};

static unsigned failures;

static void judge_leaks(void)
{
	uint64_t where = 0;
	size_t i, steps = 0;

	for (i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		enum verdict v = watch(planted[i].run, &steps, &where);

		if (v != planted[i].found) {
			fprintf(stderr, "the planted leak (%s): %s\n", planted[i].name, verdicts[v]);
			failures++;
		}
	}
}

static void judge(void)
{
	uint64_t where = 0;
	size_t i, steps = 0;

	for (i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		enum verdict v;

		if (watched[i].scalar && secrets == 2)
			continue;
		make_secret(0);
		watched[i].run(); /* tables are made at first use */
		v = watch(watched[i].run, &steps, &where);
		printf("%s: %s: %zu instructions, %s\n", sm_impl_name(sm_impl_best()), watched[i].name, steps,
		       verdicts[v]);
		(void)fflush(stdout);
		if (v != SAME || steps < watched[i].least) {
			fprintf(stderr, "at %#llx\n", (unsigned long long)where);
			failures++;
		}
	}
}

static void prepare(void)
{
	static const struct sc four = {{4}};
	size_t i;

	make_secret(7);
	for (i = 0; i < MANY; i++) {
		struct sc k = secret.k[i];

		sc_add(&k, &k, &four);
		sm2_engine_portable.base(&world.points[i], &k, 1);
		limbs_store(world.points[i].x, world.pubs[i].xy);
		limbs_store(world.points[i].y, world.pubs[i].xy + 32);
		world.messages[i] = slice_of(world.text, 20);
		world.texts[i] = slice_of(secret.bytes + i, 300);
	}
	world.key.pub = world.pubs[0];
	memcpy(world.raw, world.pubs[1].xy, 64);
	must(sm2_cipher_from_raw(SLICE_ARR(world.raw), &world.cipher));
	world.buf = BUF(1000);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		secrets = (unsigned)strtoul(argv[1], NULL, 10);
	if (!read_operands()) {
		fprintf(stderr, "objdump does not read this program\n");
		return 1;
	}
	catch_signals();
	prepare();
	judge_leaks();
	if (rc_ok(sm_use(SM_AVX512IFMA)))
		judge();
	else
		printf("this CPU has no vectors to watch; sm_ct watches the rest\n");
	return failures != 0;
}
