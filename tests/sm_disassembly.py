#!/usr/bin/env python3
"""Reads the machine code of the vector files of src/sm (R06.8): nothing may carry a lane into an address or
into the flags.  Usage: sm_disassembly.py LIBRARY CC

Refused: gathers and scatters; divisions; tests, masks and moves that bring a vector into flags or general
registers, but for the functions below; jumps through a table; and a conditional jump behind anything but a
comparison of registers, numbers or stack slots, which is what counters of loops are.  What this cannot know is
whether a register holds a counter: sm_trace shows that.  Functions with "public" in their name may do all
this.  Each rule must find its leak in a small file compiled for that."""
import re
import subprocess
import sys
import tempfile
import pathlib

# Where a vector's number may go to a general register, and why.
MOVES = {
    "store_points": "results on their way to memory",
    "load_scalars": "numbers on their way into lanes",
    "base8_make": "constant table",
    "core": "SM3: addresses of messages kept in vector registers",
    "sbox": "SM4: a word of the key schedule, which is stored",
}
FLAGS = re.compile(r"v?ptest |vtestp|kortest|ktest|vu?comis")
MASKS = re.compile(r"v?movmskp|v?pmovmskb|kmov[bwdq] +%k\d,%[er]")
MOVED = re.compile(r"v?(movq|movd|pextr[bwdq]) +(\$\w+,)?%xmm\d+,%[er]|v?(movq|movd) +%xmm\d+,%[er]")
GATHER = re.compile(r"v?p?(gather|scatter)")
DIVIDE = re.compile(r"i?div[bwlq]? |f?sqrt|v(div|sqrt)[ps][sd]")
JUMP = re.compile(r"j(?!mp)\w+ ")
TABLE = re.compile(r"(notrack )?jmp +\*")
SETS_FLAGS = re.compile(r"cmp|test|sub|add|dec|inc|and|or|xor|neg|sh[lr]|sa[lr]|bt|adc|sbb|imul|bs[fr]|"
                        r"k(or)?test|v?ptest |vu?comis")
STACK = re.compile(r"\(%r[sb]p\)|\(%r[sb]p,|%fs:")


def functions(listing):
    """Yields file, function and its instructions."""
    member, name, body = "?", None, []
    for line in listing.split("\n"):
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        file = re.match(r"(\S+):\s+file format", line)
        if (head or file) and name:
            yield member, name, body
            name, body = None, []
        if file:
            member = file.group(1)
        elif head:
            name, body = head.group(1), []
        else:
            code = re.match(r"\s+([0-9a-f]+):\t(.*)$", line)
            if code and name:
                body.append((code.group(1), code.group(2).split("#")[0].strip()))
    if name:
        yield member, name, body


def flags_from(body, i):
    """What set the flags of the jump at i."""
    for at in range(i - 1, max(i - 80, -1), -1):
        text = body[at][1]
        if SETS_FLAGS.match(text):
            return text
        if re.match(r"call|jmp|ret", text):
            return "?"
    return "?"


def problems(name, body):
    for i, (at, text) in enumerate(body):
        if GATHER.match(text):
            yield "gather", at, text
        elif DIVIDE.match(text):
            yield "division", at, text
        elif FLAGS.match(text) or MASKS.match(text):
            yield "vector to flags", at, text
        elif MOVED.match(text) and name.split(".")[0] not in MOVES:
            yield "vector to register", at, text
        elif TABLE.match(text):
            yield "table of jumps", at, text
        elif JUMP.match(text):
            source = flags_from(body, i)
            if source == "?" or ("(" in source and not STACK.search(source)):
                yield "jump by data", at, f"{text} after {source}"


def check(path, members):
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True, text=True,
                             check=True).stdout
    found, seen, jumps = [], set(), 0
    for member, name, body in functions(listing):
        if not re.search(members, member):
            continue
        seen.add(member)
        jumps += sum(1 for _, text in body if JUMP.match(text))
        if "public" in name:
            continue
        found += [(kind, f"{member}: {name}+{at}: {text}") for kind, at, text in problems(name, body)]
    return found, seen, jumps


LEAKS = r"""
#include <immintrin.h>
#include <stdint.h>
__m512i leak_gather(__m512i i, const uint64_t *p) { return _mm512_i64gather_epi64(i, p, 8); }
void leak_scatter(__m512i i, uint64_t *p) { _mm512_i64scatter_epi64(p, i, i, 8); }
void leak_branch(const uint64_t *secret, uint64_t *r) { if (secret[1] > 7) __builtin_memset(r, 1, 4096); }
int leak_mask(__m512i a) { return _mm512_cmpeq_epi64_mask(a, _mm512_setzero_si512()) == 0xff; }
uint8_t leak_lane(__m128i a, const uint8_t *p) { return p[_mm_cvtsi128_si64(a)]; }
uint64_t leak_division(uint64_t a, uint64_t b) { return a / b; }
int leak_table(int a, int (**f)(int)) { switch (a) { case 0: return f[0](1); case 1: return f[3](5);
 case 2: return f[2](7); case 3: return f[1](9); case 4: return f[7](11); case 5: return f[6](3);
 case 6: return f[4](2); case 7: return f[9](8); } return 0; }
uint64_t public_division(uint64_t a, uint64_t b) { return a / b; }
"""
EXPECTED = {"leak_gather": "gather", "leak_scatter": "gather", "leak_branch": "jump by data",
            "leak_mask": "vector to flags", "leak_lane": "vector to register", "leak_division": "division", "leak_table": "table of jumps"}


def planted(compiler):
    """The leaks that are not found."""
    with tempfile.TemporaryDirectory() as work:
        source, target = pathlib.Path(work, "leaks.c"), pathlib.Path(work, "leaks.o")
        source.write_text(LEAKS)
        subprocess.run([compiler, "-O2", "-mavx512f", "-mavx512dq", "-c", source, "-o", target], check=True)
        found, _, _ = check(target, ".")
        missing = [f for f, kind in EXPECTED.items()
                   if not any(kind == k and f" {f}+" in text for k, text in found)]
        return missing + [text for _, text in found if "public" in text]


def main():
    library, compiler = sys.argv[1:]
    missing = planted(compiler)
    for name in missing:
        print(f"the planted leak was not found: {name}")
    found, seen, jumps = check(library, r"_avx512\.c\.o$")
    for kind, text in found:
        print(f"{kind}: {text}")
    print(f"{len(seen)} files, {jumps} conditional jumps, {len(found)} problems")
    sys.exit(1 if missing or found or len(seen) < 2 else 0)


main()
