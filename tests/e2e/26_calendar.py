#!/usr/bin/env python3
"""Proves that working days are counted as the notices say (C01, C03, C05, C07, C08, C14): the 22 vectors of the
requirements through the door, each under three host zones; the counting example day by day; every day of 2023 to
2026 and 100,000 random cases against an oracle of its own, which knows the notices of 2023 to 2026 by heart and
counts by looking up in a list; refusals by their codes."""
import bisect
import datetime
import json
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

CASES = int(os.environ.get("CASES", "100000"))
ONE = datetime.timedelta(days=1)
FIRST, LAST = datetime.date(1985, 1, 1), datetime.date(2060, 12, 31)

VECTORS = """V01 2025-09-26 +10 2025-10-16
V02 2025-09-28 +10 2025-10-17
V03 2025-10-04 +10 2025-10-21
V04 2025-12-30 +10 2026-01-14
V05 2025-09-29 +5 2025-10-13
V06 2025-10-11 +5 2025-10-17
V07 2025-01-24 +5 2025-02-07
V08 2024-02-08 +5 2024-02-21
V09 2026-01-30 +30 2026-03-19
V10 2026-02-13 +30 2026-04-02
V11 2026-02-25 -10 2026-02-04
V12 2026-03-02 -10 2026-02-10
V13 2025-10-09 -10 2025-09-18
V14 2026-10-03 -10 2026-09-17
V15 2025-04-25 +20 2025-05-27
V16 2026-04-20 +20 2026-05-20
V17 2025-12-31 -60 2025-10-09
V18 2025-12-31 -45 2025-10-29
V19 2026-10-08 -60 2026-07-09
V20 2026-10-08 -45 2026-07-30
V21 2026-06-30 -60 2026-04-01
V22 2026-06-30 -45 2026-04-23"""

# The notices of four years: days off, then days of work.
KNOWN = {
    2023: ("2022-12-31..2023-01-02 2023-01-21..2023-01-27 2023-04-05 2023-04-29..2023-05-03 2023-06-22..2023-06-24 "
           "2023-09-29..2023-10-06",
           "2023-01-28 2023-01-29 2023-04-23 2023-05-06 2023-06-25 2023-10-07 2023-10-08"),
    2024: ("2024-01-01 2024-02-10..2024-02-17 2024-04-04..2024-04-06 2024-05-01..2024-05-05 2024-06-10 "
           "2024-09-15..2024-09-17 2024-10-01..2024-10-07",
           "2024-02-04 2024-02-18 2024-04-07 2024-04-28 2024-05-11 2024-09-14 2024-09-29 2024-10-12"),
    2025: ("2025-01-01 2025-01-28..2025-02-04 2025-04-04..2025-04-06 2025-05-01..2025-05-05 2025-05-31..2025-06-02 "
           "2025-10-01..2025-10-08",
           "2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11"),
    2026: ("2026-01-01..2026-01-03 2026-02-15..2026-02-23 2026-04-04..2026-04-06 2026-05-01..2026-05-05 "
           "2026-06-19..2026-06-21 2026-09-25..2026-09-27 2026-10-01..2026-10-07",
           "2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10"),
}


def span(text):
    a, _, b = text.partition("..")
    day, end = datetime.date.fromisoformat(a), datetime.date.fromisoformat(b or a)
    while day <= end:
        yield day
        day += ONE


class Oracle:
    """Which days are worked, as a list; counting is looking up."""

    def __init__(self):
        files = {}
        for path in (ROOT / "rulesets/calendar").glob("2*.json"):
            e = json.loads(path.read_text())
            if e["edition"] > files.get(e["year"], {"edition": 0})["edition"]:
                files[e["year"]] = e
        off, work = set(), set()
        for year, e in files.items():
            if year in KNOWN:
                continue
            for r in e["off"]:
                off.update(span(r["from"] + ".." + r["to"]))
            work.update(datetime.date.fromisoformat(d) for d in e["work"])
        for out, back in KNOWN.values():
            for text in out.split():
                off.update(span(text))
            work.update(datetime.date.fromisoformat(d) for d in back.split())
        self.years = set(files) | set(KNOWN)
        self.listed = off | work
        self.worked, self.guessed = [], []
        day = FIRST
        while day <= LAST:
            fixed = (day.month, day.day) in {(1, 1), (5, 1), (5, 2), (5, 3), (10, 1), (10, 2), (10, 3)}
            guess = day.year not in self.years and day not in self.listed
            if day in work or (day not in off and day.weekday() < 5 and not (guess and fixed)):
                self.worked.append(day)
            if guess:
                self.guessed.append(day)
            day += ONE

    def works(self, day):
        i = bisect.bisect_left(self.worked, day)
        return self.worked[i] == day

    def count(self, day, n):
        if n > 0:
            due = self.worked[bisect.bisect_right(self.worked, day) + n - 1]
        elif n < 0:
            due = self.worked[bisect.bisect_left(self.worked, day) + n]
        else:
            due = day
        low, high = (day + ONE, due) if n > 0 else (due, day - ONE)
        guess = bisect.bisect_right(self.guessed, high) > bisect.bisect_left(self.guessed, low) if n else False
        return due, "provisional" if guess else "firm"


oracle = Oracle()


def yuandian(*argv, zone="UTC", status=0):
    return run(BINARY, *argv, status=status, env=dict(os.environ, TZ=zone)).stdout.decode()


def vectors():
    lines = VECTORS.splitlines()
    equal(len(lines), 22, "vectors")
    for line in lines:
        name, start, n, want = line.split()
        equal(oracle.count(datetime.date.fromisoformat(start), int(n)),
              (datetime.date.fromisoformat(want), "firm"), f"the oracle at {name}")
        for zone in ("UTC", "America/New_York", "Asia/Shanghai"):
            equal(yuandian("calendar", "count", start, n, zone=zone), want + "\n", f"{name} under {zone}")
        got = json.loads(yuandian("calendar", "count", start, n, "--json"))
        equal((got["date"], got["status"]), (want, "firm"), name)
        check(len(got["edition_set"]) == 64 and got["until"] == want + "T16:00:00Z", f"{name}: set and instant")


def example():
    got = json.loads(yuandian("calendar", "explain", "2025-09-26", "+10", "--json"))
    numbers = {d["date"][5:]: d["number"] for d in got["days"] if "number" in d}
    equal(numbers, {"09-28": 1, "09-29": 2, "09-30": 3, "10-09": 4, "10-10": 5, "10-11": 6, "10-13": 7,
                    "10-14": 8, "10-15": 9, "10-16": 10}, "running numbers")
    equal(got["days"][1]["class"], "make-up", "28 September")
    equal(got["days"][4]["name"], "国庆节、中秋节", "1 October")
    equal(yuandian("calendar", "explain", "2025-09-26", "+10").count("\n"), 20, "lines for people")
    check("暂定" in yuandian("calendar", "check", "2027-10-01"), "a year without notice")
    got = json.loads(yuandian("calendar", "count", "2026-12-28", "+10", "--json"))
    equal((got["date"], got["status"]), ("2027-01-12", "provisional"), "C07")


def every_day():
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        days = list(span("2022-12-01..2026-12-31"))
        f.writelines(f"{d - ONE} +1\n" for d in days)
        f.flush()
        for day, line in zip(days, yuandian("calendar", "count", "--file", f.name).splitlines(), strict=True):
            equal(line.split()[0] == str(day), oracle.works(day), f"whether {day} is worked")


def random_cases():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    r = random.Random(seed)
    near = (datetime.date(2008, 6, 1).toordinal(), datetime.date(2028, 1, 1).toordinal())
    wide = (datetime.date(1990, 1, 1).toordinal(), datetime.date(2055, 1, 1).toordinal())
    cases = []
    for i in range(CASES):
        n = r.randint(-1000, 1000) if i % 2 else r.randint(-65, 65)
        cases.append((datetime.date.fromordinal(r.randint(*(wide if i % 5 == 0 else near))), n))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.writelines(f"{d} {n:+d}\n" for d, n in cases)
        f.flush()
        lines = yuandian("calendar", "count", "--file", f.name, zone="America/New_York").splitlines()
    for (day, n), line in zip(cases, lines, strict=True):
        due, status = oracle.count(day, n)
        if line != f"{due} {status}":
            raise Failure(f"{day} {n:+d}: got {line}, want {due} {status}")


def refusals():
    for argv, code, status in ((("check", "2025-02-29"), "calendar-date", 1),
                               (("check", "25-2-2"), "calendar-date", 1),
                               (("count", "2025-02-28", "+1001"), "calendar-term", 1),
                               (("count", "2025-02-28", "-1001"), "calendar-term", 1),
                               (("count", "2025-02-28", "ten"), "calendar-term", 1),
                               (("count", "9999-12-30", "+10"), "calendar-term", 1),
                               (("count", "2025-02-28"), "usage", 2)):
        equal(json.loads(yuandian("calendar", *argv, "--json", status=status))["code"], code, str(argv))


vectors()
example()
every_day()
random_cases()
refusals()
print(f"26_calendar: {CASES} random cases and 22 vectors agree")
