#!/usr/bin/env python3
"""issue.e2e.1m and issue.e2e.pgsql: 256 clients at a platform that holds STORED certificates already (default a
million), and at one over PostgreSQL, each beside the same platform empty: the best of ROUNDS (default 3) slices of 20 s.
restore.seconds_1m: such a platform back from its backup.  The rows are those of one real pair with other serials,
hashes and names.   bench_stored.py OUT.json [1m] [restore] [pgsql]"""
import json
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/lib"))
from yuandian import BINARY, Platform, check, run  # noqa: E402
import subprocess  # noqa: E402

STORED = int(os.environ.get("STORED", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CHUNK = 20000  # pairs in one transaction
work = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_WORK", str(ROOT / "build"))))
work.chmod(0o755)

# table: column = expression of k, the number of the pair; the other columns are the template's
RANDOM16, RANDOM32 = "randomblob(16)", "randomblob(32)"
CA = {
    "request": ({"id": "k", "key": RANDOM32, "application": RANDOM32, "spki": RANDOM32,
                 "serial": "taken(k, 0)", "encrypt_serial": "taken(k, 1)",
                 "entity": "hexid(k)"}, "id = :request"),
    "request_body": ({"request": "k"}, "request = :request"),
    "certificate": ({"request": "k", "serial": "taken(k, part)"}, "request = :request"),
    "encrypt_key": ({"request": "k", "spki": RANDOM32}, "request = :request"),
}
RA = {
    "entity": ({"id": "hexid(k)", "mark": RANDOM32}, "id = (SELECT entity FROM application WHERE seq = :application)"),
    "evidence": ({"sm3": RANDOM32}, "1 LIMIT 1"),
    "application": ({"seq": "k", "id": "shortid(k)", "hash": RANDOM32, "spki": RANDOM32, "entity": "hexid(k)",
                     "decision": RANDOM32}, "seq = :application"),
    "application_body": ({"application": "k"}, "application = :application"),
    "certificate": ({"application": "k", "serial": "taken(k, part)"}, "application = :application"),
    "history": ({"application": "k"}, "application = :application"),
    "registry": ({"application": "k"}, "application = :application"),
}
STATUS = {"certificate": ({"serial": "taken(k, part.value)", "sm3": RANDOM32}, "serial = :serial")}
KMC = {
    "in_use": ({"serial": "taken(k, 1)", "sign_key": RANDOM32, "pub": "randomblob(64)"}, "1 LIMIT 1"),
    "task": ({"id": "k", "number": RANDOM16, "request": RANDOM32}, "1 LIMIT 1"),
}


def fill(path, tables, values, pairs):
    db = sqlite3.connect(path, isolation_level=None)
    db.create_function("taken", 2, lambda k, part: b"\x5a" + (k * 2654435761 & (1 << 62) - 1).to_bytes(8, "big")
                       + bytes([part]), deterministic=True)
    db.create_function("hexid", 1, lambda n: "{:08x}-0000-4000-8000-{:012x}".format((n * 2654435761) & 0xffffffff, n))
    db.create_function("shortid", 1, lambda n: "s{:015x}".format((n * 2654435761) & (1 << 60) - 1))
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -2000000")
    db.execute("PRAGMA journal_mode = OFF")
    existing = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, (changes, where) in tables.items():
        check(table in existing, f"{path}: no table {table}")
        columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
        check(set(changes) <= set(columns), f"{table}: {changes.keys()} of {columns}")
        db.execute("DROP TABLE IF EXISTS temp.template")
        db.execute(f"CREATE TEMP TABLE template AS SELECT * FROM {table} WHERE {where}", values)
        check(db.execute("SELECT count(*) FROM template").fetchone()[0] > 0, f"{table}: no template")
        row = ", ".join(changes.get(c, f"t.{c}") for c in columns)
        twice = ", (SELECT 0 AS value UNION ALL SELECT 1) part" if "part.value" in row else ""
        for first in range(1, pairs + 1, CHUNK):
            db.execute("BEGIN")
            db.execute(f"WITH RECURSIVE c(k) AS (VALUES ({first + 1000000}) UNION ALL SELECT k + 1 FROM c LIMIT "
                       f"{min(CHUNK, pairs + 1 - first)}) INSERT INTO {table} SELECT {row} FROM c CROSS JOIN template t{twice}")
            db.execute("COMMIT")
        print(f"   {path.parent.name} {table}: {db.execute(f'SELECT count(*) FROM {table}').fetchone()[0]} rows", flush=True)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def fill_all(data):
    """Folders belong to the instances' users: what is written keeps its owner, and nothing new stays."""
    ca = sqlite3.connect(data / "shifan/ca/data.db")
    request, serial = ca.execute("SELECT id, serial FROM request WHERE encrypt_serial IS NOT NULL LIMIT 1").fetchone()
    ca.close()
    ra = sqlite3.connect(data / "shifan/ra/data.db")
    application, = ra.execute("SELECT application FROM certificate WHERE serial = ?", (serial,)).fetchone()
    ra.close()
    values = {"request": request, "application": application, "serial": serial}
    for name, tables in (("shifan/ca", CA), ("shifan/ra", RA), ("shifan/status", STATUS), ("keycentre/kmc", KMC)):
        fill(data / name / "data.db", tables, values, STORED // 2)
        for left in (data / name).glob("data.db-*"):
            left.unlink()


def measured(data):
    """The best of ROUNDS slices, one after the other: applicants are new ones only within one run."""
    out = pathlib.Path(f"{data}.json")
    env = dict(os.environ, BENCH_LOAD=str(ROUNDS), BENCH_PLAIN="1")
    p = subprocess.run([BINARY, "bench", "--out", out, "--data", data, "load"], env=env, capture_output=True, timeout=3600)
    check(p.returncode == 0, p.stderr.decode()[-2000:])
    rows = {r["name"]: r["value"] for r in json.loads(out.read_text())}
    check(rows["load.errors"] == 0, p.stderr.decode()[-2000:])
    print("".join(f"   {line}\n" for line in p.stderr.decode().splitlines() if "slice" in line), end="", flush=True)
    return rows["load.best"]


def beside_empty(name, empty, data, rows):
    """The empty one is measured before and after, on a copy each time."""
    best = {}
    for which, folder in (("empty", None), (name, data), ("empty", None)):
        print(f"   {which}:", flush=True)
        if folder is None:
            shutil.rmtree(work / "copy", ignore_errors=True)
            run("cp", "-a", empty, work / "copy")
        best[which] = max(best.get(which, 0), measured(folder or work / "copy"))
    rows.append({"name": f"issue.e2e.{name}", "value": best[name], "unit": "pairs/s", "peer": "the same, empty, SQLite",
                 "peer_value": best["empty"], "ratio": best[name] / best["empty"] if best["empty"] else 0})


def restored(data, rows):
    """restore.seconds_1m: from the backup of that platform to one that is ready elsewhere, the copy of bytes included."""
    platform = Platform(data=data)
    platform.start()
    custodians = []
    for name in ("institution", "institution-2"):
        shutil.copytree(platform.officer(name), work / f"keeper-{name}")
        custodians += ["--custodian", work / f"keeper-{name}"]
    started = time.monotonic()
    subprocess.run([BINARY, "backup", "create", "--data", data, "--out", work / "backup", *custodians, "--threshold", "2"],
                   check=True)
    print(f"   backup: {os.stat(work / 'backup').st_size >> 20} MiB in {time.monotonic() - started:.0f} s", flush=True)
    platform.stop()
    started = time.monotonic()
    subprocess.run([BINARY, "restore", work / "backup", "--data", work / "restored", *custodians], check=True)
    again = Platform(data=work / "restored")
    again.start()
    seconds = time.monotonic() - started
    again.stop()
    print(f"   restored and ready after {seconds:.0f} s", flush=True)
    rows.append({"name": "restore.seconds_1m", "value": seconds, "unit": "s", "peer": "", "peer_value": 0, "ratio": 0})
    (work / "backup").unlink()
    shutil.rmtree(work / "restored")


def founded(platform):
    """A platform that has issued one pair, stopped."""
    platform.start()
    platform.issue(platform.new_request(pathlib.Path(f"{platform.data}-w")))
    platform.stop()
    return platform.data


def main():
    out, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:] or ["1m", "pgsql"]
    rows = []
    try:
        empty = founded(Platform(data=work / "founded"))
        if "1m" in wanted or "restore" in wanted:
            subprocess.run(["cp", "-a", empty, work / "stored"], check=True)
            started = time.monotonic()
            fill_all(work / "stored")
            print(f"   {STORED} certificates stored in {time.monotonic() - started:.0f} s", flush=True)
            restored(work / "stored", rows)
            if "1m" in wanted:
                beside_empty("1m", empty, work / "stored", rows)
            shutil.rmtree(work / "stored")
        if "pgsql" in wanted:
            server = ROOT / "tests/lib/pgsql.sh"
            info = subprocess.run([server, "start", str(os.getpid())], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            try:
                os.environ["YD_TEST_DB"] = info
                data = founded(Platform(data=work / "pgsql"))
                del os.environ["YD_TEST_DB"]
                beside_empty("pgsql", empty, data, rows)
            finally:
                run(server, "stop", info.split("host=")[1].split()[0])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    old = json.loads(out.read_text()) if out.exists() else []
    out.write_text(json.dumps([r for r in old if r["name"] not in {n["name"] for n in rows}] + rows, indent=1,
                              ensure_ascii=False) + "\n")
    print(json.dumps(rows, indent=1))


main()
