#!/usr/bin/env python3
"""Proves that nothing acknowledged is lost when the power fails (design law 1, requirements (f) 3): under load the
disk stops at a random moment, all processes end, and what no sync has made durable is dropped: all of it, or each
sector, size and name by chance.  Afterwards the checker of 13_crash.py.

POWER_ROUNDS sets the number of cuts (default 6), CRASH_SEED repeats a run."""
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import Crash  # noqa: E402
from disk import Disk  # noqa: E402
from yuandian import BINARY, Platform, check, main  # noqa: E402
os.environ.pop("YD_TEST_DB", None)  # about SQLite's files, whatever the other scripts run over

ROUNDS = int(os.environ.get("POWER_ROUNDS", "6"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
PROGRAM = pathlib.Path(str(BINARY) + "_disk")
if not PROGRAM.exists():
    print("skipped: this build has no yuandian_disk (sanitizers stand between it and libc)")
    sys.exit(0)
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
crash = Crash(Platform(binary=PROGRAM), work)
disk = Disk(crash.p.data)
lost = [0, 0, 0]


def cuts():
    dice = random.Random(SEED)
    n = -1
    # a slow machine is seldom caught between a write and its sync: go on until it was
    while (n := n + 1) < ROUNDS or (lost[0] == 0 and n < 8 * ROUNDS):
        time.sleep(dice.uniform(0.5, 4))
        disk.freeze()
        crash.kill_all()
        for i, count in enumerate(disk.cut(dice, worst=n % 2 == 0)):
            lost[i] += count
        crash.p.start()
        crash.ready()
        yield


def survives_power_cuts_under_load():
    print(f"seed {SEED}, {ROUNDS} cuts")
    crash.p.start()
    crash.under_load(cuts)
    print(f"dropped: {lost[0]} sectors, {lost[1]} sizes, {lost[2]} names")
    check(len(crash.approved) >= ROUNDS, "the load was too small to show anything")
    check(lost[0] > 0, "no cut has dropped anything")


try:
    main([survives_power_cuts_under_load] + crash.checks())
    shutil.rmtree(crash.p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
finally:
    if crash.p.process:
        crash.p.process.kill()
    disk.close()
