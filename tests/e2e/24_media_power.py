#!/usr/bin/env python3
"""Proves that the two storage places of the vault keep what they promised (R24.1, R24.7, R24.10) when the power
fails, the process is killed, or a disk fills up or breaks, at any moment under load: every item that was
acknowledged can be read, every destroyed one stays destroyed, nothing is reported lost, and the places are alike
after one scrub.

POWER_ROUNDS sets the number of cuts (default 8), CRASH_SEED repeats a run."""
import errno
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from disk import Disk  # noqa: E402
from read_media import DESTROYED, LIVE, content, items  # noqa: E402
from yuandian import BINARY, check, main  # noqa: E402

TOP = b"a key elsewhere\0"  # of media_power.c
ROUNDS = int(os.environ.get("POWER_ROUNDS", "8"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
PROGRAM = pathlib.Path(BINARY).resolve().parent / "media_power"
if not PROGRAM.exists():
    print("skipped: this build has no media_power (sanitizers stand between it and libc)")
    sys.exit(0)
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
data, told = work / "data", work / "told"
data.mkdir()
disk = Disk(data)
running = []


def lines():
    return told.read_bytes().count(b"\n") if told.exists() else 0


def run_until_it_works(n):
    before = lines()
    p = subprocess.Popen([PROGRAM, "--data", data, "put", str(SEED + n), told])
    running.append(p)
    end = time.monotonic() + 60
    while lines() < before + 20:
        check(p.poll() is None, "the program ended")
        check(time.monotonic() < end, "nothing was put")
        time.sleep(0.01)
    return p


def trouble(dice):
    """A disk that fails for a moment: either place, at some write or sync."""
    disk.fail(dice.choice([errno.ENOSPC, errno.EIO]), dice.randrange(30), dice.choice(["/first/", "/other/"]))
    time.sleep(dice.uniform(0.05, 0.2))
    disk.heal()
    time.sleep(dice.uniform(0, 0.2))


def what_is_told_is_true():
    r = subprocess.run([PROGRAM, "--data", data, "check", told], capture_output=True, text=True, timeout=300)
    check(r.returncode == 0, r.stdout + r.stderr)
    return r.stdout.strip()


def survives():
    dice = random.Random(SEED)
    lost = [0, 0, 0]
    print(f"seed {SEED}")
    n = -1
    while (n := n + 1) < ROUNDS or (lost[0] == 0 and n < 8 * ROUNDS):
        p = run_until_it_works(n)
        for _ in range(dice.randrange(3)):
            trouble(dice)
        time.sleep(dice.uniform(0, 0.3))
        if n % 3 < 2:
            disk.freeze()
        p.kill()
        p.wait()
        if n % 3 < 2:  # else: killed, and the disk has all that was written
            for i, count in enumerate(disk.cut(dice, worst=n % 3 == 0)):
                lost[i] += count
        text = what_is_told_is_true()
    print(f"dropped: {lost[0]} sectors, {lost[1]} sizes, {lost[2]} names; at the end {text}")
    check(lost[0] > 0, "no cut has dropped anything")


def a_stranger_reads_the_same():
    """docs/evidence.md alone leads to every item that was told, and to the content of those that live."""
    dice = random.Random(SEED)
    destroyed, decided, put = set(), set(), {}
    for line in told.read_text().splitlines():
        kind, _, length, segment, slot, offset = line.split()
        at = int(segment), int(slot), int(offset)
        {"p": lambda: put.__setitem__(at, int(length)), "D": lambda: decided.add(at),
         "d": lambda: destroyed.add(at)}[kind]()
    for place in ("first", "other"):
        found = items(data / place)
        for at, length in put.items():
            check(at in found and found[at][5] == length, f"{place}: {at} is not there")
            state = found[at][3]
            check(state == DESTROYED if at in destroyed else state in (LIVE, DESTROYED) if at in decided
                  else state == LIVE, f"{place}: the key of {at}: {state}")
        for at in dice.sample(sorted(set(put) - decided), 5):
            check(len(content(found[at], TOP)) == put[at], f"{place}: {at} does not open")


try:
    main([survives, a_stranger_reads_the_same])
finally:
    for p in running:
        if p.poll() is None:
            p.kill()
    disk.close()
shutil.rmtree(work, ignore_errors=True)  # kept after a failure
