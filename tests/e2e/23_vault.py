#!/usr/bin/env python3
"""Proves the vault on a running platform (R24.1, R24.2, R24.3, R24.4, R24.7, R24.9, C13): a complete record before anything is signed,
nothing issued while the vault or one of its places is away though revocation goes on, reading with a reason, masking,
nothing in clear on its disk, repair of what root destroyed, no disposal before the term or after a turn of the clock."""
import base64
import json
import os
import pathlib
import signal
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import *  # noqa: E402,F403
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
work.chmod(0o755)
state = {}


def vault(officer, method, path, body=None, media=None):
    status, _, answer = platform.call(officer, method, path, body, media, instance="shifan/vault")
    return status, answer


def record_of(name):
    ca, serial = name.split("/")
    status, answer = vault("auditor", "GET", f"/v1/records?ca={ca}&serial={serial}")
    return answer["records"][0] if status == 200 and answer.get("records") else None


def until(what, condition, limit=60):
    end = time.time() + limit
    while time.time() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise Failure("never: " + what)


def kinds(answer):
    return [p["kind"] for p in answer["pieces"]]


def the_record_is_there_before_the_certificate():
    d = platform.new_request(work / "a")
    app = platform.issue(d)
    state["name"] = "sm2/" + serial_of(d / "sign.pem")
    state["dir"] = d
    platform.as_("entry", "accept", app)
    record = until("the record", lambda: record_of(state["name"]))
    state["record"] = record["record"]
    path = f"/v1/records/{record['record']}"
    equal(vault("auditor", "GET", path)[0], 400, "reading without a reason")

    def whole():
        status, answer = vault("auditor", "GET", path + "?reason=test")
        have = set(kinds(answer))
        wanted = {"application", "approval", "sign-tbs", "encrypt-tbs", "policy", "km-request", "km-respond", "evidence", "entry",
                  "certificate", "acceptance"}
        return answer if wanted <= have else None
    answer = until("every piece of a record", whole)
    certificates = {c["serial"]: c["sm3"] for c in answer["certificates"]}
    check(state["name"].split("/")[1] in certificates and len(certificates) == 2, "both certificates")
    equal(json.loads(platform.as_("auditor", "record", "exceptions", "--json").stdout), [], "exceptions")


def the_original_is_what_was_handed_in():
    answer = json.loads(platform.as_("auditor", "record", "show", state["name"], "--reason", "抽查", "--originals",
                                     "--json").stdout)
    evidence = [p for p in answer["pieces"] if p["kind"] == "evidence"][0]
    equal(base64.b64decode(evidence["content"]), (state["dir"] / "id.png").read_bytes(), "the original")


def numbers_are_masked_and_every_reading_is_logged():
    p = platform.as_("auditor", "record", "show", state["name"], "--reason", "投诉核查 7", "--json").stdout.decode()
    number = state["number"] = json.loads((state["dir"] / "application.json").read_text())["identity"]["document"]["number"]
    check(number not in p, "the number is shown")
    check("投诉核查 7" not in p and "张三" in p, "what is shown")
    rows = platform.rows("shifan/vault", "SELECT entry FROM log WHERE kind = 'record-read' ORDER BY idx")
    said = [json.loads(bytes(r[0]) if not isinstance(r[0], str) else r[0])["data"] for r in rows]
    check(any(s["reason"] == "投诉核查 7" and len(s["by"]) == 36 for s in said), "who read it, and why")


def only_auditors_and_the_institution_read():
    for who in ("entry", "review", "ca-operator", "super-admin", "subscriber"):
        equal(vault(who, "GET", f"/v1/records/{state['record']}?reason=x")[0], 403, who)
    for who in ("auditor", "super-admin", "entry"):
        equal(vault(who, "POST", "/v1/holds", b"x", "application/vnd.yuandian.statement")[0], 403, who + " holds")
    equal(platform.as_instance("shifan/ra", "shifan/vault", "POST", "/v1/records", b"x",
                               "application/vnd.yuandian.records")[0], 403, "the RA as a CA")
    equal(platform.as_instance("shifan/ca", "shifan/vault", "POST", "/v1/originals", b"x",
                               "application/vnd.yuandian.records")[0], 403, "the CA as an RA")
    equal(platform.as_instance("shifan/ca", "shifan/vault", "POST", "/v1/records", b"\x30\x80",
                               "application/vnd.yuandian.records")[0], 400, "no records")


def nothing_in_clear_on_any_disk():
    """R24.4: the number stands in no file of any instance; the name is in certificates, not in what the vault keeps."""
    name, number = "张三".encode(), state["number"].encode()
    files = [path for path in platform.data.rglob("*") if path.is_file()]
    check(len(files) > 100 and any(path.name == "data.db-wal" for path in files), "what the instances wrote")
    for path in files:
        content = path.read_bytes()
        check(number not in content and base64.b64encode(number) not in content, f"{path} holds the number")
        check(path.suffix not in (".seg", ".key") or name not in content, f"{path} holds the name")


def vault_away_issuing_waits_revocation_does_not():
    pid = Crash(platform, work).processes()["instance", "shifan/vault"]
    os.kill(pid, signal.SIGSTOP)
    try:
        d = platform.new_request(work / "b", "李四")
        app = platform.apply(d)
        platform.as_("review", "review", app, "--approve")
        time.sleep(3)
        platform.as_("entry", "fetch", app, "--out", d, status=6)
        platform.as_("review", "revoke", state["name"], "--reason", "cessationOfOperation")
    finally:
        os.kill(pid, signal.SIGCONT)
    platform.fetch(app, d)
    record = until("the second record", lambda: record_of("sm2/" + serial_of(d / "sign.pem")))
    check(record["record"] != state["record"], "one record for two approvals")
    until("the end in the first record", lambda: any(
        "ended_at" in c for c in vault("auditor", "GET", f"/v1/records/{state['record']}?reason=x")[1]["certificates"]))


def root_destroys_a_copy_and_it_is_mended():
    first, second = (platform.data / "shifan/vault" / n for n in ("first", "second"))
    victim = sorted(first.glob("*.seg"))[0]
    content = bytearray(victim.read_bytes())
    for at in range(200, len(content), 997):
        content[at] ^= 0xff
    victim.write_bytes(content)
    (second / victim.with_suffix(".key").name).unlink()
    equal(vault("auditor", "GET", f"/v1/records/{state['record']}?reason=x")[0], 200, "reading from what is left")
    report = json.loads(platform.as_("super-admin", "record", "scrub", "--json").stdout)
    check(report["repaired"] > 0 and report["lost"] == 0, f"the scrub: {report}")
    equal(victim.read_bytes(), (second / victim.name).read_bytes(), "both copies")
    again = json.loads(platform.as_("super-admin", "record", "scrub", "--json").stdout)
    check(again["damaged"] == 0 and again["repaired"] == 0, f"the second scrub: {again}")
    alarms = vault("auditor", "GET", "/v1/alarms?open=true")[1]["alarms"]
    check(any(a["kind"] == "record-repaired" for a in alarms), "the alarm")


def rows_changed_by_root_are_restored():
    before = record_of(state["name"])
    changes = "UPDATE record SET class = 'PUBLIC'", "UPDATE certificate SET not_after = 1, ended_at = 1"
    info = platform.on_pgsql("shifan/vault")
    if info:
        run("psql", "-q", info, *[w for c in changes for w in ("-c", c)])
    else:
        with sqlite3.connect(platform.data / "shifan/vault/data.db", timeout=30) as db:
            for change in changes:
                db.execute(change)
    check(record_of(state["name"])["locked_until"] != before["locked_until"], "root's change")
    platform.as_("super-admin", "record", "scrub")
    equal(record_of(state["name"])["locked_until"], before["locked_until"], "the lock after the scrub")


def nobody_disposes_before_the_term():
    p = platform.as_("institution", "record", "dispose", state["name"], "--reason", "期满", "--json", status=None)
    check(p.returncode != 0 and "record-locked" in (p.stdout + p.stderr).decode(), "disposal before the term")
    hold = platform.as_("institution", "record", "hold", state["name"], "--authority", "示范市中级人民法院", "--reason",
                        "诉讼保全").stdout.decode().strip()
    check(record_of(state["name"])["held"], "the hold")
    platform.as_("institution-2", "record", "release", hold, "--reason", "案件审结")
    check(not record_of(state["name"])["held"], "the hold's end")


def the_clock_disposes_of_nothing():
    platform.cli("clock", "--data", platform.data, "step", f"+{11 * 366 * 86400}")
    p = platform.as_("institution", "record", "dispose", state["name"], "--reason", "期满", "--json", status=None)
    check(p.returncode != 0, "disposal after the clock was turned")
    until("the doubt", lambda: platform.rows("shifan/vault", "SELECT doubted_at FROM believed")[0][0])
    platform.cli("clock", "--data", platform.data, "step", f"-{11 * 366 * 86400}")
    p = platform.as_("institution", "record", "dispose", state["name"], "--reason", "期满", "--json", status=None)
    check("clock-doubted" in (p.stdout + p.stderr).decode(), "the doubt is forgotten")
    check(any(a["kind"] == "clock-doubted" for a in vault("auditor", "GET", "/v1/alarms?open=true")[1]["alarms"]),
          "the alarm")
    platform.as_("institution", "record", "attest", "--source", "国家授时中心", "--reason", "核对")
    p = platform.as_("institution", "record", "attest", "--source", "国家授时中心", "--reason", "核对", status=None)
    check("second-person" in (p.stdout + p.stderr).decode(), "one person twice")
    platform.as_("institution-2", "record", "attest", "--source", "国家授时中心", "--reason", "核对")
    p = platform.as_("institution", "record", "dispose", state["name"], "--reason", "期满", "--json", status=None)
    check("record-locked" in (p.stdout + p.stderr).decode(), "the term after the attestation")


with Platform("--test-clock") as platform:
    main([the_record_is_there_before_the_certificate, the_original_is_what_was_handed_in,
          numbers_are_masked_and_every_reading_is_logged, only_auditors_and_the_institution_read,
          nothing_in_clear_on_any_disk, vault_away_issuing_waits_revocation_does_not,
          root_destroys_a_copy_and_it_is_mended, rows_changed_by_root_are_restored, nobody_disposes_before_the_term,
          the_clock_disposes_of_nothing])
