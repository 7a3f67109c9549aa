#!/usr/bin/env python3
"""Proves that an edition of the calendar counts when two officers of the regulator have signed it, and not before
(C02): after a ceremony the first enters, the second confirms; a draft, one's own confirmation, a refusal, an officer
of an institution and a changed byte do not count.  An amended edition moves a running deadline (C06); until the
year's notice is there it is provisional (C07)."""
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
data, signed = work / "data", work / "editions"
TRUST = data / "national/source/trust"


def yuandian(*argv, status=0):
    return json.loads(run(BINARY, *argv, "--json", status=status).stdout)


def officer(name, organisation="national"):
    return "--as", data / "demo" / name, "--organisation", organisation


def enter(edition, name, who="regulator", organisation="national", *more):
    file = work / f"{name}.json"
    file.write_text(json.dumps(edition, ensure_ascii=False))
    yuandian("calendar", "enter", file, *officer(who, organisation), "--out", signed / f"{name}.p7s", *more)
    return signed / f"{name}.p7s"


def confirm(edition, who="regulator-2", *more, status=0):
    return yuandian("calendar", "confirm", edition, *officer(who), "--out", f"{edition.with_suffix('')}-{who}.p7s",
                    *more, status=status)


def due():
    got = yuandian("calendar", "count", "2026-12-28", "+10", "--editions", signed, "--trust", TRUST)
    return got["date"], got["status"]


def notice(edition, until):
    return {"year": 2027, "edition": edition, "title": "试验", "date": "2026-11-03", "reason": "试验",
            "off": [{"name": "元旦", "from": "2027-01-01", "to": until}], "work": []}


def editions_count_by_two_persons():
    confirm(enter(json.loads((ROOT / "rulesets/calendar/2026.json").read_text()), "2026"))
    equal(due(), ("2027-01-12", "provisional"), "no notice of 2027")
    first = enter(notice(1, "2027-01-04"), "2027")
    equal(due(), ("2027-01-12", "provisional"), "a draft")
    equal(confirm(first, "regulator", status=3)["code"], "second-person", "one's own")
    equal(due(), ("2027-01-12", "provisional"), "a draft still")
    confirm(first)
    equal(due(), ("2027-01-13", "firm"), "confirmed")
    second = enter(notice(2, "2027-01-05"), "2027-2", "regulator", "national", "--previous", first)
    equal(due(), ("2027-01-13", "firm"), "an amendment's draft")
    confirm(second, "regulator-2", "--refuse", "日期有误")
    equal(due(), ("2027-01-13", "firm"), "an amendment that was refused")
    (signed / "2027-2-regulator-2.p7s").unlink()
    confirm(second)
    equal(due(), ("2027-01-14", "firm"), "amended")
    equal(yuandian("statement", "verify", first, second, "--trust", TRUST)["statements"][1]["number"], 2, "a chain")
    case = work / "case.json"
    case.write_text(json.dumps({"case": "2026-9", "events": [{"type": "received", "at": "2026-12-28T01:00:00Z"}]}))
    got = yuandian("deadline", "show", "2026-9/D06/1", "--case", case, "--editions", signed, "--trust", TRUST)
    equal((got["due"], got["provisional"]), ("2027-01-14", False), "the deadline of a case")


def others_do_not():
    stranger = enter(notice(3, "2027-01-06"), "2027-3", "institution", "shifan")
    refused = json.loads(run(BINARY, "calendar", "count", "2026-12-28", "+10", "--editions", signed, "--trust", TRUST,
                             "--json", status=None).stdout)
    check(refused.get("code", "").startswith("statement-"), f"an officer of an institution: {refused}")
    stranger.unlink()
    whole = bytearray((signed / "2027.p7s").read_bytes())
    whole[whole.index(b"2027-01-04") + 9] ^= 1
    (signed / "2027.p7s").write_bytes(whole)
    equal(yuandian("calendar", "count", "2026-12-28", "+10", "--editions", signed, "--trust", TRUST, status=1)["code"],
          "statement-signature", "a changed day")
    equal(yuandian("calendar", "count", "2026-12-28", "+10", "--editions", signed, status=2)["code"], "usage",
          "nobody is trusted by himself")


def the_demonstration_has_a_calendar():
    """Signed at the ceremony by both officers, and continuing one another; the same days as without."""
    shipped = data / "demo/calendar"
    files = sorted(shipped.glob("2???.p7s")) + sorted(shipped.glob("2???-2.p7s"))
    equal(len(files), len(list((ROOT / "rulesets/calendar").glob("2*.json"))), "editions")
    got = yuandian("statement", "verify", *files, "--trust", TRUST)
    check(all(s["result"] == "verified" for s in got["statements"]), "each verifies")
    for day in ("2015-09-06", "2020-02-01", "2025-09-28", "2026-10-10"):
        a, b = yuandian("calendar", "check", day), yuandian("calendar", "check", day, "--editions", shipped, "--trust", TRUST)
        equal((a["class"], a["status"]), (b["class"], b["status"]), day)


try:
    signed.mkdir()
    run(BINARY, "ceremony", "--data", data)
    the_demonstration_has_a_calendar()
    editions_count_by_two_persons()
    others_do_not()
    print("27_editions: two officers make an edition count")
finally:
    shutil.rmtree(work, ignore_errors=True)
