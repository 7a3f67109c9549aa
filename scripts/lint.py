#!/usr/bin/env python3
"""The gates: sizes, banned words, layers.  Each rule is one row or one short function."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "src", "tests"], cwd=root,
                        capture_output=True, text=True, check=True).stdout.split()
files = [root / f for f in sorted(set(listed)) if f.endswith((".c", ".h")) and (root / f).is_file()]
problems = []

# pattern, folders where it may stand, why
BANNED = [
    (r"\b(strcpy|strcat|sprintf|vsprintf|strncpy|strtok|atoi|atol|gets|alloca)\s*\(", (), "unsafe function"),
    (r"\b(malloc|calloc|realloc|free|strdup|strndup)\s*\(", ("src/base/", "tests/"), "allocate through base/mem.h"),
    (r"\bexit\s*\(", ("src/cli/", "src/sandbox/", "tests/"), "no exit below main"),
    (r"\bgoto\b", (), "no goto"),
    (r"\bprintf\s*\(", ("src/cli/", "src/bench/", "tests/"), "library code does not print"),
    (r"\bX509_free\b", ("src/asn1/", "src/pki/", "src/bench/", "tests/"), "libcrypto objects stay in pki/"),
    (r"(?<![:\"'])//(?![^\n]*\")", (), "comments are /* */"),
    (r"\b(socket|accept4?|listen|bind|connect)\s*\(", ("src/net/", "src/http/", "src/supervisor/", "src/base/", "src/sandbox/", "src/bench/", "tests/"),
     "sockets only in net/ and http/"),
    (r"\bsqlite3_\w+\s*\(", ("src/db/", "tests/lib/"), "SQLite only behind db/"),
    (r"\"(SELECT|INSERT|UPDATE|DELETE FROM|CREATE TABLE)\b", ("src/db/", "src/evidence/", "tests/lib/"), "SQL only in store.c and db/"),
]
STORE = re.compile(r"/store(_\w+)?\.c$")


def strip(text):
    """Blanks comments and string contents, keeping line structure."""
    out = []
    for m in re.finditer(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|.', text, re.S):
        t = m.group(0)
        if t.startswith("/*"):
            out.append(re.sub(r"[^\n]", " ", t))
        elif len(t) > 1 and t[0] == '"':
            head = re.match(r'"(SELECT|INSERT|UPDATE|DELETE FROM|CREATE TABLE)\b', t)
            out.append('"' + (head.group(1) + " " if head else "") + '"')
        elif len(t) > 1 and t[0] == "'":
            out.append("' '")
        else:
            out.append(t)
    return "".join(out)


def rel(path):
    return path.relative_to(root).as_posix()


def sizes(path, text):
    lines = text.split("\n")
    limit = 250 if path.suffix == ".h" else 600
    if rel(path).startswith("tests/") or path.name.endswith("_test.c"):
        limit = 1500
    if len(lines) - 1 > limit:
        problems.append(f"{rel(path)}: {len(lines) - 1} lines, limit {limit}")
    for n, line in enumerate(lines, 1):
        width = len(line.expandtabs(8))
        if width > 110:
            problems.append(f"{rel(path)}:{n}: {width} columns, limit 110")
        if line != line.rstrip():
            problems.append(f"{rel(path)}:{n}: space at the end of the line")


def banned(path, code):
    name = rel(path)
    test = name.endswith("_test.c")
    for pattern, allowed, why in BANNED:
        if name.startswith(tuple(allowed)) if allowed else False:
            continue
        if why.startswith(("sockets", "SQL", "SQLite", "libcrypto", "allocate", "library")) and test:
            continue
        if why.startswith("SQL only") and STORE.search(name):
            continue
        for m in re.finditer(pattern, code):
            problems.append(f"{name}:{code.count(chr(10), 0, m.start()) + 1}: {m.group(0).strip()}: {why}")


LONG = {line.split()[0] for line in (root / "scripts/long_functions").read_text().splitlines()
        if line.strip() and not line.startswith("#")} if (root / "scripts/long_functions").exists() else set()


def functions(path, code):
    if rel(path).startswith("tests/") or path.name.endswith("_test.c"):
        return
    lines = code.split("\n")
    start = None
    name = "?"
    for n, line in enumerate(lines):
        if line.startswith("{") and start is None:
            start = n
            head = " ".join(lines[max(0, n - 6):n])
            names = re.findall(r"(\w+)\s*\(", head)
            name = names[-1] if names else "?"
            for m in reversed(list(re.finditer(r"^(?:\w[\w\s\*]*?)\b(\w+)\(", "\n".join(lines[max(0, n - 6):n]), re.M))):
                name = m.group(1)
                break
        elif line.startswith("}") and start is not None:
            length = n - start - 1
            if length > 60 and f"{rel(path)}:{name}" not in LONG:
                problems.append(f"{rel(path)}:{start + 1}: {name} has {length} lines, limit 60")
            start = None


def layers():
    text = (root / "CMakeLists.txt").read_text()
    direct = {}
    for m in re.finditer(r"^module\((\w+)\s+([^)]*)\)", text, re.M):
        direct[m.group(1)] = {d for d in m.group(2).split() if re.fullmatch(r"\w+", d)}
    def reach(module, seen):
        for d in direct.get(module, ()):
            if d not in seen:
                seen.add(d)
                reach(d, seen)
        return seen
    for path in files:
        parts = rel(path).split("/")
        if parts[0] != "src" or path.name.endswith("_test.c"):
            continue
        allowed = reach(parts[1], {parts[1]})
        for m in re.finditer(r'^#include "(\w+)/', path.read_text(), re.M):
            if m.group(1) not in allowed:
                problems.append(f"{rel(path)}: includes {m.group(1)}/, which CMakeLists.txt does not name for {parts[1]}")
    reached = reach("signer", set())
    for forbidden in ("http", "net", "db", "evidence", "instance"):
        if forbidden in reached:
            problems.append(f"signer links {forbidden}/ (design 2)")
    for pure in ("sm", "asn1", "pki", "statement"):
        for path in files:
            if rel(path).startswith(f"src/{pure}/") and not path.name.endswith("_test.c"):
                if re.search(r"^#include <(sys/socket|fcntl|unistd|stdio)\.h>", path.read_text(), re.M):
                    problems.append(f"{rel(path)}: {pure}/ is pure and does no I/O")


def complexity():
    sources = [rel(p) for p in files if p.suffix == ".c" and rel(p).startswith("src/") and not p.name.endswith("_test.c")]
    try:
        out = subprocess.run(["pmccabe", *sources], cwd=root, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return
    for line in out.splitlines():
        fields = line.split("\t")
        if len(fields) >= 6 and fields[0].isdigit() and int(fields[0]) > 15:
            where = fields[5].split("(")[0]
            if f"{where}:{fields[5].split()[-1]}" not in LONG:
                problems.append(f"{fields[5]}: complexity {fields[0]}, limit 15")


def documents():
    """A path that a document names must exist."""
    for name in ("README.md", "ARCHITECTURE.md"):
        for m in re.finditer(r"`((?:src|docs|tests|scripts|profiles|plans|migrations)/[\w./-]*)`", (root / name).read_text()):
            if not (root / m.group(1)).exists():
                problems.append(f"{name}: {m.group(1)} does not exist")


for path in files:
    text = path.read_text()
    sizes(path, text)
    code = strip(text)
    banned(path, code)
    functions(path, code)
layers()
documents()
complexity()
tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
for name in tracked:
    path = root / name
    if path.is_file() and path.suffix not in (".der", ".p12", ".bin"):
        text = path.read_bytes()
        if re.search(rb"(^|[^a-z.])/(work|root|home)/\w", text) and name != "scripts/lint.py":
            problems.append(f"{name}: a machine path")
for p in problems:
    print(p)
print(f"lint: {len(files)} files, {len(problems)} problems")
sys.exit(1 if problems else 0)
