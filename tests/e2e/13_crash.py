#!/usr/bin/env python3
"""Proves that nothing acknowledged is lost (design law 1, requirements (f) 3): under load, processes are killed
with SIGKILL at random moments, one by one and all at once; afterwards a checker looks from outside, with
OpenSSL and with the databases opened by another program.

CRASH_ROUNDS sets the number of kills (default 40), CRASH_SEED repeats a run."""
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import Crash  # noqa: E402
from yuandian import Platform, check, main  # noqa: E402

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "40"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
crash = Crash(Platform(), work)


def kills():
    dice = random.Random(SEED)
    slowest = (0, "")
    for n in range(ROUNDS):
        time.sleep(dice.uniform(0.2, 1.2))
        if n % 5 == 4:
            crash.kill_all()
            killed, who = time.monotonic(), "all"
            crash.p.start()
        else:
            everyone = sorted(crash.processes().items())
            who, pid = everyone[dice.randrange(len(everyone))]
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it ended with the one killed before
                pass
            killed = time.monotonic()
        crash.ready()
        slowest = max(slowest, (time.monotonic() - killed, str(who)))
        yield
    print(f"back after {slowest[0]:.1f} s at most ({slowest[1]})")


def survives_kills_under_load():
    print(f"seed {SEED}, {ROUNDS} rounds")
    crash.p.start()
    crash.under_load(kills)
    check(len(crash.approved) >= ROUNDS // 2, "the load was too small to show anything")


def a_hanging_role_does_not_stay():
    """A role that does not end by itself when its signer dies is killed, and both come back."""
    found = crash.processes()
    os.kill(found["instance", "shifan/ca"], signal.SIGSTOP)
    os.kill(found["signer", "shifan/ca"], signal.SIGKILL)
    until = time.monotonic() + 60
    while crash.processes().get(("instance", "shifan/ca")) in (None, found["instance", "shifan/ca"]):
        check(time.monotonic() < until, "the hanging role stays")
        time.sleep(0.05)
    crash.ready()


try:
    main([survives_kills_under_load, a_hanging_role_does_not_stay] + crash.checks())
    shutil.rmtree(crash.p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
finally:
    if crash.p.process:
        crash.p.process.kill()
