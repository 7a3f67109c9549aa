#!/usr/bin/env python3
"""Proves what want of memory and jumps of the clock do (design law 1, requirements (f) 3, gate G17): processes that
get no more memory refuse, or end and are started again, and nothing acknowledged is lost; a clock that goes back
stops issuing by name until it is right again, one that jumps forward neither repeats nor forgets anything.

LIMIT_ROUNDS sets how often memory is taken away (default 3)."""
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import Crash  # noqa: E402
from yuandian import Failure, Platform, check, equal, main, openssl  # noqa: E402

ROUNDS = int(os.environ.get("LIMIT_ROUNDS", "3"))
LIMITED = 4  # seconds
HOUR = 3600
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
crash = Crash(Platform("--test-clock"), work)
p = crash.p


def address_space():
    """The most that a process of the platform has, in bytes."""
    sizes = []
    for pid in crash.processes().values():
        try:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmSize:"):
                    sizes.append(int(line.split()[1]) * 1024)
        except OSError:
            pass
    return max(sizes)


def short_of_memory():
    """All with about so much address space as the largest has when it is ready; not every start succeeds."""
    enough = address_space()
    for n in range(ROUNDS):
        more = (1 << 20) * (1, 0, -4)[n % 3]
        crash.kill_all()
        p.before = lambda: resource.setrlimit(resource.RLIMIT_AS,
                                              (enough + more, resource.getrlimit(resource.RLIMIT_AS)[1]))
        patience = threading.Timer(LIMITED, lambda: p.process.kill())
        patience.start()
        try:
            p.start()
            time.sleep(LIMITED)
        except Failure:
            pass
        patience.cancel()
        patience.join()
        yield
    crash.kill_all()
    p.before = None
    p.start()
    crash.ready()
    time.sleep(2)
    yield


def memory_runs_out_under_load():
    p.start()
    crash.under_load(short_of_memory)
    lines = p.tail(100000)
    short, ended = lines.count("no-memory") + lines.count("ut of memory"), lines.count('"child.ended"')
    print(f"{short} times told that there is no memory, {ended} processes ended")
    check(len(crash.approved) >= ROUNDS, "the load was too small to show anything")


def step(seconds):
    p.cli("clock", "--data", p.data, "step", str(seconds))


def numbers():
    return crash.p.rows("shifan/ca", "SELECT count(*), count(DISTINCT serial) FROM certificate")[0]


def a_clock_set_back_stops_issuing():
    step(24 * HOUR)
    crash.ready()
    w = p.new_request(work / "before", name="甲")
    app = p.issue(w, limit=60)
    crash.entered[app] = crash.approved[app] = w
    count = numbers()
    step(-2 * HOUR)
    w = p.new_request(work / "back", name="乙")
    r = p.as_("entry", "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data",
              w / "application.json", "--evidence", f"identity-document={w / 'id.png'}", status=None)
    app = r.stdout.decode().strip()
    equal(r.returncode, 0, f"entry: {r.stderr.decode()}")
    p.as_("review", "review", app, "--approve")
    r = p.as_("entry", "fetch", app, "--out", w, status=None)
    equal(r.returncode, 6, f"fetch while the clock is wrong: {r.stderr.decode()}")
    check(not (w / "sign.pem").exists(), "issued in the past")
    equal(numbers(), count, "certificates while the clock is wrong")
    refused = crash.p.rows("shifan/ca", "SELECT entry FROM log WHERE kind = 'refused' ORDER BY idx DESC LIMIT 1")
    check(refused and b'"g17-time"' in refused[0][0], f"the reason is not in the log: {refused}")
    step(2 * HOUR)
    p.fetch(app, w, limit=60)
    crash.entered[app] = crash.approved[app] = w


def a_clock_that_jumps_forward_is_followed():
    """Two days: lists and answers are made anew, certificates issued before stay good, issuing goes on."""
    count = numbers()
    crash.crl_number()
    step(48 * HOUR)
    crash.ready()
    until = time.monotonic() + 60
    while True:
        out = openssl("ocsp", "-issuer", p.ca("sm2"), "-cert", work / "before/sign.pem", "-no_nonce", "-noverify",
                      "-validity_period", str(72 * HOUR),
                      "-url", p.url("shifan/status", "public") + "/ocsp", status=None).stdout.decode()
        if ": good" in out:
            break
        check(time.monotonic() < until, f"OCSP after the jump: {out}")
        time.sleep(0.2)
    crash.crl_number()
    equal(crash.crl, sorted(crash.crl), "CRL numbers only rise")
    w = p.new_request(work / "ahead", name="丙")
    app = p.issue(w, limit=60)
    crash.entered[app] = crash.approved[app] = w
    after = numbers()
    equal(after[0], after[1], "serial numbers, each once")
    equal(after[0], count[0] + 2, "certificates after one more pair")


try:
    checks = crash.checks()
    main([memory_runs_out_under_load] + checks[:4]
         + [a_clock_set_back_stops_issuing, a_clock_that_jumps_forward_is_followed] + checks[4:])
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
finally:
    if p.process:
        p.process.kill()
