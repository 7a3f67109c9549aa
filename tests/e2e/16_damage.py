#!/usr/bin/env python3
"""Proves what becomes of a damaged database file (design law 1, requirements (f) 3): it is found at the start, the
instance is refused by a name that leads to the manual, the file is named and left as it is, the other instances go
on; with the file put back the instance comes again by itself."""
import http.client
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import Crash  # noqa: E402
from yuandian import Platform, check, equal, main  # noqa: E402
os.environ.pop("YD_TEST_DB", None)  # about SQLite's files, whatever the other scripts run over

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
p = Platform()
PAGE = 8192


def database():
    return p.data / "shifan/ca/data.db"


def founds():
    p.start()
    p.issue(p.new_request(work / "first"), limit=60)
    p.stop()
    db = sqlite3.connect(database())
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    shutil.copy2(database(), work / "whole.db")
    check(database().stat().st_size > 8 * PAGE, "the database is too small for the damages below")


def ready(name):
    try:
        return p.get(p.url(name, "management") + "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def lists_are_served():
    try:
        return p.get(p.url("shifan/status", "public") + "/crl/sm2.crl")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def until(condition, what, limit=90):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, f"{what}\n{p.tail(20)}")
        time.sleep(0.05)


def put_back():
    """In place, for the owner is the instance's own user."""
    for tail in ("-wal", "-shm"):
        database().with_name("data.db" + tail).unlink(missing_ok=True)
    owner = database().parent.stat()
    shutil.copy2(work / "whole.db", database())
    shutil.chown(database(), owner.st_uid, owner.st_gid)


def told():
    """What the log of the platform says about the CA."""
    lines = []
    for line in p.tail(400).splitlines():
        if line.startswith("{"):
            o = json.loads(line)
            if o.get("instance") == "shifan/ca" and o.get("code") == "database-damaged":
                lines.append(o["text"])
    return lines


def is_found(hurt, mend=put_back):
    """Starts on the hurt file: refused by name; the others serve; mended, all serve."""
    if mend is put_back:
        put_back()
    hurt(database())
    before = database().read_bytes() if database().exists() else None
    log = p.data.parent / (p.data.name + ".log")
    log.write_text("")
    with open(log, "ab") as out:
        up = subprocess.Popen([p.binary, "up", "--data", str(p.data)] + (["--demo"] if p.demo else []),
                              stdout=subprocess.PIPE, stderr=out)
    try:
        until(told, "the damage is not told")
        check(all(str(database()) in text for text in told()), f"the file is not named: {told()}")
        for name in p.endpoints["instances"]:
            if name not in ("shifan/ca", "shifan/status"):  # whose feed is the CA
                until(lambda: ready(name), f"{name} does not go on")
        until(lists_are_served, "the status service does not go on")
        check(not ready("shifan/ca"), "the CA serves on a damaged database")
        equal(database().read_bytes() if database().exists() else None, before, "the damaged file")
        mend()
        until(lambda: ready("shifan/ca"), "the CA does not come back")
    finally:
        up.terminate()
        equal(up.wait(60), 0, "exit status of up")
        up.stdout.close()


def write_at(path, at, data):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def truncated():
    def hurt(path):
        with open(path, "r+b") as f:
            f.truncate(5 * PAGE + 100)
    is_found(hurt)


def header():
    is_found(lambda path: write_at(path, 0, b"\xff" * 32))


def pages():
    dice = random.Random(7)

    def hurt(path):
        for page in range(2, path.stat().st_size // PAGE, 3):
            write_at(path, page * PAGE, dice.randbytes(PAGE))
    is_found(hurt)


def empty():
    is_found(lambda path: path.write_bytes(b""))


def missing():
    is_found(lambda path: path.unlink())


def log_of_a_killed_process():
    """What SQLite itself would take for the end of its log, and forget what is behind it."""
    p.start()
    for n in range(3):
        p.issue(p.new_request(work / f"logged{n}", name=f"张{n}"), limit=60)
    Crash(p, work).kill_all()
    log = database().with_name("data.db-wal")
    whole = log.read_bytes()

    def mend():
        with open(log, "r+b") as f:
            f.write(whole)
    is_found(lambda path: write_at(log, len(whole) // 3, bytes(b ^ 255 for b in whole[len(whole) // 3:][:64])), mend)


def goes_on():
    p.start()
    p.issue(p.new_request(work / "after"), limit=60)
    equal(p.stop(), 0, "exit status of up")


try:
    main([founds, truncated, header, pages, empty, missing, log_of_a_killed_process, goes_on])
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
finally:
    if p.process:
        p.process.kill()
