#!/usr/bin/env python3
"""Proves what a full, read-only and broken disk does (design law 1, requirements (f) 3, R12.5): whichever write of
an issuing thread is the first that finds no room, nothing acknowledged is lost and all goes on once there is room
again; a read-only disk is told by /readyz, issuing is refused by a stable name, and OCSP goes on.

DISK_POINTS sets how many writes are tried (default 14; 0 = each), CRASH_SEED repeats a run."""
import errno
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import Crash  # noqa: E402
from disk import Disk  # noqa: E402
from yuandian import BINARY, Platform, check, equal, json, main, openssl, serial_of  # noqa: E402
os.environ.pop("YD_TEST_DB", None)  # about SQLite's files, whatever the other scripts run over

POINTS = int(os.environ.get("DISK_POINTS", "14"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
NAMES = {errno.ENOSPC: "storage-full", errno.EROFS: "storage-failed", errno.EIO: "storage-failed"}
PROGRAM = pathlib.Path(str(BINARY) + "_disk")
if not PROGRAM.exists():
    print("skipped: this build has no yuandian_disk (sanitizers stand between it and libc)")
    sys.exit(0)
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
crash = Crash(Platform(binary=PROGRAM), work)
disk = Disk(crash.p.data)


def until(condition, what, limit=60):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, f"{what}\n{crash.p.tail(20)}")
        time.sleep(0.05)


def repeated(step):
    """Until it is acknowledged."""
    end = time.monotonic() + 60
    while True:
        done = step()
        if done is not None:
            return done
        check(time.monotonic() < end, "a step did not succeed although the disk works again")
        time.sleep(0.1)


def case_on_failing_disk(n, error, after):
    """One thread from entry to revocation, each step repeated until it is acknowledged; the disk works again when
    a write has failed and a moment has passed."""
    disk.fail(error, after)

    def repair():
        until(lambda: disk.hits() > 0 or over.is_set(), "no write has failed")
        over.wait(0.3)
        disk.heal()
    over = threading.Event()
    repairing = threading.Thread(target=repair)
    repairing.start()
    try:
        w = crash.p.new_request(work / f"case{n}", name=f"张{n}")
        app = repeated(lambda: crash.enter(w, n, f"张{n}"))
        crash.entered[app] = w
        repeated(lambda: reviewed(app))
        crash.approved[app] = w
        repeated(lambda: crash.attempt("fetch", app, "--out", w, officer="entry") is not None
                 and (w / "sign.pem").exists() or None)
        name = "sm2/" + serial_of(w / "sign.pem")
        repeated(lambda: revoked(name))
        crash.revoked[name] = w
    finally:
        over.set()
        repairing.join()
    return disk.hits()


def reviewed(app):
    """A decision whose answer was lost may be there already."""
    if crash.attempt("review", app, "--approve", officer="review") is not None:
        return True
    state = crash.p.call("review", "GET", f"/v1/applications/{app}")[2].get("state", "entered")
    return True if state != "entered" else None


def revoked(name):
    r = crash.p.as_("review", "revoke", name, "--reason", "keyCompromise", status=None)
    return True if r.returncode in (0, 6) or b"already-revoked" in r.stderr else None


def starts():
    crash.p.start()
    crash.p.issue(crash.p.new_request(work / "first"), limit=60)


def each_write_finds_no_room():
    disk.fail(0)
    case_on_failing_disk(0, 0, 0)
    total = disk.changes()
    check(total > 20, f"a thread makes only {total} changes")
    dice = random.Random(SEED)
    points = range(total) if POINTS == 0 else sorted(dice.sample(range(total), POINTS))
    hits = 0
    for i, after in enumerate(points):
        error = (errno.ENOSPC, errno.ENOSPC, errno.EIO)[i % 3]
        hits += case_on_failing_disk(i + 1, error, after) > 0
        crash.ready()
        crash.crl_number()
    print(f"seed {SEED}: {total} changes make a thread; failed at {len(points)}, {hits} of them reached; "
          f"not acknowledged: {crash.refusals}")
    check(hits > len(points) // 2, "the failures were not reached")


def readiness(instance):
    status, _, body = crash.p.get(crash.p.url(instance, "management") + "/readyz?verbose=1")
    return status, body.decode()


def refused_by_name(error, only, command, instance):
    """The command is refused, by the name of what is wrong."""
    disk.fail(error, only=only)
    try:
        r = command()
        check(r.returncode != 0 and NAMES[error].encode() in r.stderr, f"exit {r.returncode}: {r.stderr.decode()}")
    finally:
        disk.heal()
    crash.ready(instances=[instance])


def entry_is_refused_by_name():
    w = crash.p.new_request(work / "refused", name="李四")
    for error in NAMES:
        refused_by_name(error, "shifan/ra/", lambda: crash.p.as_(
            "entry", "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data",
            w / "application.json", "--evidence", f"identity-document={w / 'id.png'}", status=None), "shifan/ra")


def read_only_ca():
    """Told at once, nothing is issued, what is durable elsewhere goes on; afterwards an alarm remembers it."""
    p = crash.p
    w = p.new_request(work / "waiting", name="王五")
    app = p.apply(w)
    disk.fail(errno.EROFS, only="shifan/ca/")
    p.as_("review", "review", app, "--approve")
    until(lambda: readiness("shifan/ca")[0] == 503, "the CA says that it is ready")
    check("storage-failed" in readiness("shifan/ca")[1], readiness("shifan/ca")[1])
    check('"storage.failed"' in p.tail(40), "no line of the log tells of it")
    r = p.as_("entry", "fetch", app, "--out", w, status=None)
    equal(r.returncode, 6, "fetch while the CA cannot record")
    check(not (w / "sign.pem").exists(), "issued without a record")
    for name in ("shifan/ra", "shifan/status", "keycentre/kmc"):
        equal(readiness(name)[0], 200, name)
    out = openssl("ocsp", "-issuer", p.ca("sm2"), "-cert", work / "first/sign.pem", "-no_nonce", "-noverify",
                  "-url", p.url("shifan/status", "public") + "/ocsp").stdout.decode()
    check(": good" in out, out)
    disk.heal()
    crash.ready()
    p.fetch(app, w, limit=60)
    crash.entered[app] = crash.approved[app] = w
    rows = crash.p.rows("shifan/ca", "SELECT level, text FROM alarm WHERE kind = 'storage'")
    check(any(re.search("nothing could be written since .*storage-failed", t) for _, t in rows), f"alarms: {rows}")


def full_key_centre():
    """No room at the key centre alone: no key leaves it that it has not recorded, the signing certificate is there at
    once, its pair when there is room again; only the key centre is not ready."""
    p = crash.p
    w = p.new_request(work / "half", name="赵六")
    before = p.rows("keycentre/kmc", "SELECT serial FROM in_use")
    disk.fail(errno.ENOSPC, only="keycentre/kmc/")
    try:
        app = p.apply(w)
        p.as_("review", "review", app, "--approve")
        until(lambda: readiness("keycentre/kmc")[0] == 503, "the key centre says that it is ready")
        check("storage-full" in readiness("keycentre/kmc")[1], readiness("keycentre/kmc")[1])
        until(lambda: p.as_("entry", "fetch", app, "--out", w, status=None).returncode == 6
              and (w / "sign.pem").exists(), "no signing certificate while the key centre has no room")
        check(not (w / "enc.pem").exists(), "an encryption certificate without an escrowed key")
        equal(p.rows("keycentre/kmc", "SELECT serial FROM in_use"), before, "keys in use")
        for name in ("shifan/ca", "shifan/ra", "shifan/status"):
            equal(readiness(name)[0], 200, name)
    finally:
        disk.heal()
    crash.ready()
    p.fetch(app, w, limit=60)
    check((w / "enc.pem").exists(), "the pair is whole")
    crash.entered[app] = crash.approved[app] = w


def full_place_of_the_vault(place, earlier):
    """No room on one of the vault's two places: nothing is issued that is not kept twice (R24.1, R24.2); what was
    issued can be revoked meanwhile, and all goes on when there is room."""
    p = crash.p
    w = p.new_request(work / f"{place}-place", name="钱七")
    disk.fail(errno.ENOSPC, only=f"shifan/vault/{place}/")
    try:
        app = p.apply(w)
        p.as_("review", "review", app, "--approve")
        until(lambda: readiness("shifan/vault")[0] == 503, f"the vault says that it is ready, {place} is full")
        check("places" in readiness("shifan/vault")[1], readiness("shifan/vault")[1])
        equal(p.as_("entry", "fetch", app, "--out", w, status=None).returncode, 6, "fetch while nothing can be kept")
        check(not (w / "sign.pem").exists(), "issued without two copies of its record")
        name = "sm2/" + serial_of(work / earlier / "sign.pem")
        p.as_("review", "revoke", name, "--reason", "superseded")
        crash.revoked[name] = work / earlier
    finally:
        disk.heal()
    crash.ready()
    p.fetch(app, w, limit=60)
    check((w / "enc.pem").exists(), "the pair is whole")
    crash.entered[app] = crash.approved[app] = w
    equal(json.loads(p.as_("super-admin", "record", "scrub", "--json").stdout)["lost"], 0, "frames lost")


def a_full_first_place():
    full_place_of_the_vault("first", "half")


def a_full_second_place():
    full_place_of_the_vault("second", "first-place")


def read_only_status_answers():
    p = crash.p
    disk.fail(errno.EROFS, only="shifan/status/")
    try:
        out = openssl("ocsp", "-issuer", p.ca("sm2"), "-cert", work / "first/sign.pem", "-no_nonce", "-noverify",
                      "-url", p.url("shifan/status", "public") + "/ocsp").stdout.decode()
        check(": good" in out, out)
        crash.crl_number()
    finally:
        disk.heal()
    crash.ready()


try:
    main([starts, each_write_finds_no_room, entry_is_refused_by_name, read_only_ca, full_key_centre,
          a_full_first_place, a_full_second_place, read_only_status_answers]
         + crash.checks())
    shutil.rmtree(crash.p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
finally:
    if crash.p.process:
        crash.p.process.kill()
    disk.close()
