/* yuandian bench: measures; rows for build/bench.json (scripts/bench.sh). */
#include "bench/bench.h"
#include "cli/cli.h"

struct rc cmd_bench(struct cli *c)
{
	struct bench_options o = {
	        .out = cli_get(c, "out"),
	        .data = cli_get(c, "data"),
	        .json = c->json,
	        .names = c->operands,
	        .count = c->operand_count,
	};

	return bench_run(&o);
}
