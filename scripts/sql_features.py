#!/usr/bin/env python3
"""Which SQL the product uses: every keyword and function of its statements and schemas must be one that PostgreSQL-compatible
distributed engines take as well (openGauss, CockroachDB, YugabyteDB, OceanBase, TiDB's kin by their manuals; none of
them is part of a test).  Without --list it only complains; with it, it prints the list with counts."""
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
STATEMENTS = set("""SELECT FROM WHERE AND OR NOT IN IS NULL EXISTS BETWEEN LIKE AS ON JOIN LEFT GROUP BY HAVING ORDER DESC ASC LIMIT
DISTINCT UNION ALL WITH INSERT INTO VALUES UPDATE SET DELETE CONFLICT DO NOTHING RETURNING CASE WHEN THEN ELSE END EXCLUDED CAST""".split())
SCHEMAS = STATEMENTS | set("""CREATE TABLE INDEX UNIQUE PRIMARY KEY REFERENCES CHECK DEFAULT INTEGER TEXT BLOB ALTER ADD COLUMN DROP RENAME
TO""".split())
# of SQLite's texts; src/db/dialect.c takes them away, or writes them otherwise, for the other engines
SQLITE = {"STRICT", "WITHOUT", "ROWID", "ifnull"}
FUNCTIONS = {"count", "min", "max", "sum", "coalesce", "length", "lower", "abs"}
# not portable, however they are spelt
NEVER = re.compile(r"\b(TRIGGER|LISTEN|NOTIFY|pg_\w+|ctid|rowid|LATERAL|ARRAY|AUTOINCREMENT|GLOB|REGEXP|json\w*|nextval|FOR UPDATE|"
                   r"SKIP LOCKED|OVER|WINDOW|RECURSIVE|FULL JOIN|NATURAL)\b", re.I)


def texts():
    """(where, text, words that are allowed)"""
    out = subprocess.run([sys.executable, ROOT / "tests/lib/statements.py"], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        _, where, text = line.split("\t")
        yield where, text, STATEMENTS
    for path in sorted((ROOT / "migrations").rglob("*.sql")):
        yield str(path.relative_to(ROOT)), re.sub(r"--.*", "", path.read_text()), SCHEMAS | SQLITE


def main():
    used, wrong = collections.Counter(), []
    for where, text, words in texts():
        plain = re.sub(r"'[^']*'", "''", text)
        found = set(re.findall(r"\b[A-Z]{2,}\b", plain))
        called = {m.lower() for m in re.findall(r"\b([A-Za-z_]+)\(", plain)} & KNOWN
        used.update(found | {c + "()" for c in called})
        bad = (found - words - {c.upper() for c in FUNCTIONS}) | (called - FUNCTIONS - words) | {m[0] for m in NEVER.finditer(plain)} - SQLITE
        if bad:
            wrong.append(f"{where}: {' '.join(sorted(bad))}: not in the list of what all engines take")
    if "--list" in sys.argv:
        for word, n in sorted(used.items()):
            print(f"{n:5} {word}")
    print("\n".join(sorted(set(wrong))), end="\n" if wrong else "")
    return 1 if wrong else 0


# what would be a function in some engine; names of tables before a bracket are none
KNOWN = FUNCTIONS | {"ifnull", "nullif", "strftime", "datetime", "date", "hex", "unhex", "printf", "format", "substr", "instr", "random",
                     "randomblob", "zeroblob", "replace", "trim", "upper", "round", "group_concat", "string_agg", "last_insert_rowid",
                     "changes", "typeof", "quote", "iif", "now", "to_char", "encode", "decode", "md5", "sha256", "generate_series"}
sys.exit(main())
