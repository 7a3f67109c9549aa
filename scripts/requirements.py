#!/usr/bin/env python3
"""Requirement table: tests/requirements.tsv maps ids to tests (id, test file, what it shows).

Prints covered, partly covered (a row says "part: …") and open ids.  Fails on an unknown id, on a test file
that does not exist, and on one that does not name the id it claims to show."""
import collections
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
ids = (root / "tests/requirements.ids").read_text().split()
known = set(ids)
covered = collections.defaultdict(list)
partly = set()
errors = []
for number, line in enumerate((root / "tests/requirements.tsv").read_text().splitlines(), 1):
    if not line.strip() or line.startswith("#"):
        continue
    fields = line.split("\t")
    if len(fields) != 3:
        errors.append(f"requirements.tsv:{number}: want id, test, what it shows")
        continue
    rid, test, shows = fields
    if rid not in known:
        errors.append(f"requirements.tsv:{number}: unknown id {rid}")
    path = root / test
    if not path.is_file():
        errors.append(f"requirements.tsv:{number}: no such test {test}")
    elif rid not in path.read_text(errors="replace"):
        errors.append(f"requirements.tsv:{number}: {test} does not name {rid}")
    covered[rid].append(test)
    if shows.startswith("part:"):
        partly.add(rid)
if "--quiet" not in sys.argv:
    for rid in ids:
        print(f"{rid}\t{'partly' if rid in partly else 'covered' if rid in covered else 'open'}\t{' '.join(covered.get(rid, []))}")
print(f"{len(ids)} requirements: {len(covered.keys() - partly)} covered, {len(partly)} partly, {len(ids) - len(covered)} open")
for error in errors:
    print(error, file=sys.stderr)
sys.exit(1 if errors else 0)
