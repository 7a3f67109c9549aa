#!/usr/bin/env python3
"""Proves the end of certificates: suspension with its longest time (R21.7), revocation by holder, institution, RA and
CA (R21.6), loss at 03:00 by key, code and officer (R31.1, R31.2, R31.3, R31.5), the queue while the CA is away
(R31.4), mass
operations, due work once over restarts.  OpenSSL reads OCSP and lists."""
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
work.chmod(0o755)
p = Platform("--test-clock")
state = {}


def issue(name, number, accept=True):
    """A pair of one's own: folder, serial numbers of the signing and the encryption certificate."""
    w = p.new_request(work / name, name)
    (w / "application.json").write_text(json.dumps(person(name, number), ensure_ascii=False))
    app = p.issue(w)
    if accept:
        state["code"] = p.as_("entry", "accept", app).stdout.decode().split("\n")[1]
    return w, serial_of(w / "sign.pem"), serial_of(w / "enc.pem")


def ocsp(serial):
    return ask_ocsp("-issuer", p.ca("sm2"), "-serial", "0x" + serial, "-url", state["ocsp"], "-noverify",
                    "-resp_text").stdout.decode()


def until(condition, what, limit=60):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.1)


def listed(serial):
    text = openssl("crl", "-inform", "DER", "-noout", "-text", input=p.get(state["crl"])[2]).stdout.decode()
    entries = {e.split("\n")[0].strip().lower().lstrip("0"): e for e in text.split("Serial Number:")[1:]}
    return entries.get(serial)


def shows(serial, want):
    until(lambda: want in ocsp(serial), f"OCSP of {serial} says {want}")


def day(n=1):
    p.cli("clock", "step", f"+{n * 86400}", "--data", p.data)


def holder(w, *more):
    return ("--key", w / "sign.key", "--certificate", w / "sign.pem", "--endpoints", p.data / "endpoints.json", *more)


def starts():
    p.start()
    w, sign, enc = issue("张三", 1)
    text = openssl("x509", "-in", w / "sign.pem", "-noout", "-text").stdout.decode()
    urls = re.findall(r"URI:(http\S+)", text)
    state["ocsp"] = next(u for u in urls if u.endswith("/ocsp"))
    state["crl"] = next(u for u in urls if u.endswith(".crl"))
    state["first"] = (w, sign, enc)


def hold_and_release():
    """R21.7: hold → OCSP certificateHold for both of the pair; release removes it; the list follows."""
    _, sign, enc = state["first"]
    r = json.loads(p.as_("review", "suspend", f"sm2/{sign}", "--json").stdout)
    equal(r["state"], "on-hold", "state")
    for s in (sign, enc):
        shows(s, "certificateHold")
        until(lambda: listed(s) is not None, "the hold stands in the list")
        check("Certificate Hold" in listed(s), "reason in the list")
    p.as_("review", "suspend", f"sm2/{sign}", status=5)
    p.as_("entry", "release", f"sm2/{sign}", status=3)
    p.as_("review", "release", f"sm2/{sign}")
    for s in (sign, enc):
        shows(s, "Cert Status: good")
        until(lambda: listed(s) is None, "the list forgets the hold")
    p.as_("review", "release", f"sm2/{sign}", status=5)


def only_one_of_a_pair():
    _, sign, enc = state["first"]
    p.as_("review", "suspend", f"sm2/{enc}", "--only")
    shows(enc, "certificateHold")
    check("Cert Status: good" in ocsp(sign), "the signing certificate is untouched")
    p.as_("review", "release", f"sm2/{enc}", "--only")
    shows(enc, "Cert Status: good")


def every_illegal_step_conflicts():
    """R21.6, b.13: no way out of revoked, through any door."""
    _, sign, enc = state["first"]
    p.as_("ca-operator", "revoke", f"sm2/{sign}", "--reason", "superseded", "--ground", "ca", "--case", "2026-7")
    for s in (sign, enc):
        shows(s, "superseded")
    for command in (("suspend",), ("release",), ("revoke", "--reason", "keyCompromise")):
        for s in (sign, enc):
            r = p.as_("review", command[0], f"sm2/{s}", *command[1:], "--json", status=5)
            equal(json.loads(r.stderr or r.stdout)["code"], "already-revoked", "stable code")
    p.as_("review", "suspend", "sm2/5a5a", status=4)


def who_may_say_what():
    """Matrix, R21.6: a clerk stops and does not end; grounds go with roles; auditors do nothing."""
    _, sign, _ = issue("李四", 2)
    p.as_("entry", "revoke", f"sm2/{sign}", "--reason", "keyCompromise", status=3)
    p.as_("auditor", "suspend", f"sm2/{sign}", status=1)
    p.as_("review", "revoke", f"sm2/{sign}", "--reason", "superseded", "--ground", "ca", status=3)
    p.as_("institution", "suspend", f"sm2/{sign}", status=3)
    p.as_("entry", "suspend", f"sm2/{sign}")
    shows(sign, "certificateHold")
    r = json.loads(p.as_("institution", "revoke", f"sm2/{sign}", "--reason", "affiliationChanged", "--json").stdout)
    equal((r["ground"], r["state"]), ("institution", "revoked"), "answer")
    shows(sign, "affiliationChanged")


def loss_by_key():
    """R31.1: nothing but the key; another's key does nothing."""
    w, sign, enc = issue("王五", 3)
    other, stranger, _ = issue("赵六", 4)
    p.cli("revoke", f"sm2/{sign}", *holder(other), status=3)
    r = json.loads(p.cli("revoke", f"sm2/{sign}", *holder(w), "--json").stdout)
    check(r["reported"] <= r["at"], "R31.5: both times")
    for s in (sign, enc):
        shows(s, "keyCompromise")
    # a key that is out of control ends itself and no other
    p.cli("revoke", f"sm2/{stranger}", *holder(w), status=3)
    p.cli("suspend", f"sm2/{stranger}", *holder(other))
    shows(stranger, "certificateHold")
    # whoever has the key may not lift the hold
    p.cli("release", f"sm2/{stranger}", "--key", other / "sign.key", "--endpoints", p.data / "endpoints.json", status=2)
    p.cli("revoke", f"sm2/{stranger}", *holder(other))
    shows(stranger, "keyCompromise")
    p.cli("revoke", f"sm2/{stranger}", *holder(other), status=5)
    # at 03:00 there is the key and nothing else: its certificate is given to nobody who cannot sign with it
    third, lost, lost_enc = issue("孙七", 5)
    alone = ("--endpoints", p.data / "endpoints.json")
    equal(p.cli("revoke", f"sm2/{lost}", "--key", other / "sign.key", *alone, status=3).stderr,
          p.cli("revoke", "sm2/1234567890", "--key", other / "sign.key", *alone, status=3).stderr,
          "a wrong key and an unknown certificate look the same")
    shows(lost, "good")
    p.cli("suspend", f"sm2/{lost_enc}", "--key", third / "sign.key", *alone)
    shows(lost_enc, "certificateHold")
    p.cli("revoke", f"sm2/{lost}", "--key", third / "sign.key", *alone)
    shows(lost, "keyCompromise")
    for body in (b"{}", b"[", b'{"ca":"sm2","serial":"1","at":"2026-01-01T00:00:00Z","signature":"AAAA"}'):
        status = p.call(None, "POST", "/v1/holder/certificates", body, "application/json")[0]
        check(status in (400, 403), f"{body}: {status}")


def loss_by_code():
    """R31.1: one use, twenty characters, closed after ten wrong ones."""
    w, sign, enc = issue("孙七", 5)
    first = state["code"]
    code = p.as_("entry", "revocation-code", f"sm2/{sign}").stdout.decode().strip()
    check(first != code, "a new one")
    check(re.fullmatch(r"([0-9A-Z]{4}-){4}[0-9A-Z]{4}", code), "form of the code")
    check(code.encode() not in p.raw("shifan/ra"), "the code itself is not stored")
    wrong = work / "wrong"
    wrong.write_text(first + "\n")  # void since there is another
    right = work / "right"
    right.write_text(code.lower().replace("-", " ") + "\n")
    end = ("--endpoints", p.data / "endpoints.json")
    for _ in range(10):
        r = p.cli("revoke", f"sm2/{sign}", "--code", wrong, *end, "--json", status=3)
        equal(json.loads(r.stderr or r.stdout)["code"], "code-wrong", "wrong code")
    r = p.cli("revoke", f"sm2/{sign}", "--code", right, *end, "--json", status=None)
    equal(json.loads(r.stderr or r.stdout)["code"], "code-locked", "locked")
    p.cli("clock", "step", "+3601", "--data", p.data)
    p.cli("revoke", f"sm2/{sign}", "--code", right, *end, status=6)
    for s in (sign, enc):
        shows(s, "keyCompromise")
    p.cli("revoke", f"sm2/{sign}", "--code", right, *end, status=3)
    p.cli("revoke", "sm2/5a5a5a", "--code", right, *end, status=3)


def losses():
    return {f"sm2/{l['serial']}": l for l in json.loads(p.as_("review", "loss", "list", "--json").stdout)["losses"]}


def uncertain_loss_confirmed_and_refuted():
    """R31.2: on hold at once; confirmed → revoked, unfounded → released; b.17 in the history, owner and department
    are told (R31.5)."""
    _, sign, _ = issue("周八", 6)
    _, other, _ = issue("吴九", 7)
    for s in (sign, other):
        p.as_("entry", "revoke", f"sm2/{s}", "--uncertain", "--reported", "2026-01-01T03:00:00Z")
        shows(s, "certificateHold")
        equal(losses()[f"sm2/{s}"]["state"], "on-hold", "report")
    p.as_("review", "revoke", f"sm2/{sign}", "--reason", "keyCompromise", "--case", "报失核实")
    p.as_("review", "release", f"sm2/{other}")
    shows(sign, "keyCompromise")
    shows(other, "Cert Status: good")
    l = losses()[f"sm2/{sign}"]
    equal((l["state"], l["reported"]), ("closed", "2026-01-01T03:00:00Z"), "closed report")
    check(l["effect"] > l["reported"], "both times are kept")
    shown = json.loads(p.as_("auditor", "loss", "show", str(l["id"]), "--json").stdout)
    equal([h["event"] for h in shown["history"]],
          ["received", "uncertain", "on-hold", "confirmed", "revoked", "notified", "closed"], "history")
    shown = json.loads(p.as_("auditor", "loss", "show", str(losses()[f"sm2/{other}"]["id"]), "--json").stdout)
    equal([h["event"] for h in shown["history"]],
          ["received", "uncertain", "on-hold", "unfounded", "released", "notified", "closed"], "history")
    _, _, body = p.call("auditor", "GET", "/v1/notices?limit=500")
    mine = [n for n in body["notices"] if n["subject"] == f"sm2/{sign}"]
    equal({(n["kind"], n["to"]) for n in mine},
          {("certificate-held", "entity"), ("certificate-held", "department"), ("certificate-revoked", "entity"),
           ("certificate-revoked", "department")}, "who was told")


def instance_pid(name):
    for d in pathlib.Path("/proc").iterdir():
        try:
            argv = (d / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"instance" in argv and name.encode() in argv and str(p.data).encode() in argv:
            return int(d.name)
    raise Failure("no process of " + name)


def the_ca_is_away():
    """R31.4: durable at the RA, done after the CA is back, ahead of what waits to be issued."""
    w, sign, enc = issue("郑十", 8)
    new = p.new_request(work / "new", "新人")
    (new / "application.json").write_text(json.dumps(person("新人", 9), ensure_ascii=False))
    app = p.apply(new)
    pid = instance_pid("shifan/ca")
    os.kill(pid, signal.SIGSTOP)
    # its listening socket takes connections all the same: end it, its supervisor is stopped from starting it anew
    os.kill(p.process.pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    p.as_("review", "review", app, "--approve")
    started = time.monotonic()
    p.cli("revoke", f"sm2/{sign}", *holder(w), status=6)
    print(f"   taken without the CA in {time.monotonic() - started:.2f} s")
    equal(losses()[f"sm2/{sign}"]["state"], "authenticated", "report")
    os.kill(p.process.pid, signal.SIGCONT)
    for s in (sign, enc):
        until(lambda: "keyCompromise" in ocsp(s), "revoked when the CA is back", 60)
    equal(losses()[f"sm2/{sign}"]["state"], "closed", "report")
    p.fetch(app, new, limit=60)
    kinds = [k for (k,) in p.rows("shifan/ca", "SELECT kind FROM log WHERE kind IN ('issued', 'revoked') ORDER BY idx")]
    equal(kinds[-4:], ["revoked", "revoked", "issued", "issued"], "the revocation went first")


CODE = credit_code("91350000MA2Y0ABC1")
STAFF = int(os.environ.get("STAFF", "300"))  # 3,000 in the soak


def staff(n):
    w = p.new_request(work / f"staff{n}", f"员工{n}")
    document = person("x", 100 + n)["identity"]["document"]
    identity = {"name": f"员工{n}", "document": document, "organisation": "示范单位", "organisation_code": CODE,
                "department": "财务处" if n < 20 else "业务处"}
    (w / "application.json").write_text(json.dumps(person("x") | {"identity": identity}, ensure_ascii=False))
    app = p.as_("entry", "apply", "--profile", "staff", "--class", "GOV", "--csr", w / "sign.csr", "--data",
                w / "application.json", "--evidence", f"identity-document={w / 'id.png'}", "--evidence",
                f"unit-letter={w / 'id.png'}").stdout.decode().strip()
    p.as_("review", "review", app, "--approve")
    return app


def mass(command, *more, status=0):
    return p.as_("review", "mass", command, *more, "--json", status=status)


def preview(command, *more):
    return json.loads(mass(command, *more, "--preview").stdout)


def everybody_of_an_organisation():
    """R21.6, H02.4: preview, token, every item with its outcome; statements of their own."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(staff, range(STAFF)))
    org = ("--organisation", CODE)
    until(lambda: preview("suspend", *org)["total"] == STAFF, "all are issued", 60 + STAFF // 10)
    r = preview("release", *org)
    equal((r["counts"]["active"], r["counts"]["refused"]), (STAFF, STAFF), "nothing to release")
    equal({i["code"] for i in r["items"]}, {"certificate-state"}, "why")
    unit = (*org, "--ou", "财务处")
    r = preview("suspend", *unit)
    equal((r["total"], r["counts"]), (20, {"active": 20, "refused": 0}), "preview of a unit")
    check("员工" in r["items"][0]["subject"], "who it is")
    one = r["items"][0]["certificate"]
    mass("suspend", *unit, "--token", "0" * 64, status=5)
    p.as_("review", "suspend", one)
    mass("suspend", *unit, "--token", r["token"], status=5)
    p.as_("review", "release", one)
    # the same states, the same token
    done = json.loads(mass("suspend", *unit, "--token", r["token"]).stdout)
    equal(done["counts"], {"open": 0, "done": 20, "queued": 0, "refused": 0}, "outcome")
    serials = [i["certificate"].split("/")[1] for i in r["items"]]
    for s in (serials[0], serials[-1]):
        shows(s, "certificateHold")
    r = preview("release", *unit)
    mass("release", *unit, "--token", r["token"])
    shows(serials[0], "Cert Status: good")


def a_mass_operation_goes_on_where_it_broke_off():
    org = ("--organisation", CODE)
    r = preview("revoke", *org)
    gone = r["items"][5]["certificate"]
    p.as_("review", "revoke", gone, "--reason", "superseded")
    r = preview("revoke", *org)
    equal((r["total"], r["counts"]["refused"]), (STAFF, 1), "one is revoked already")
    equal([i["code"] for i in r["items"] if "code" in i], ["already-revoked"], "why")
    # ordered, and the client is gone before it has sent anything
    body = {"event": "revoke", "organisation": CODE, "token": r["token"]}
    status, _, ordered = p.call("review", "POST", "/v1/mass", json.dumps(body), "application/json")
    equal((status, ordered["total"]), (200, STAFF), "order")
    started = time.monotonic()
    done = json.loads(mass("revoke", "--resume", ordered["id"]).stdout)
    print(f"   {STAFF} pairs revoked in {time.monotonic() - started:.2f} s")
    equal(done["counts"], {"open": 0, "done": STAFF - 1, "queued": 0, "refused": 1}, "outcome")
    equal(done["refused"], [{"certificate": gone, "code": "already-revoked"}], "the one that was refused")
    again = json.loads(mass("revoke", "--resume", ordered["id"]).stdout)
    equal(again["counts"], done["counts"], "nothing is done twice")
    last = r["items"][-1]["certificate"].split("/")[1]
    shows(last, "affiliationChanged")
    until(lambda: listed(last) is not None, "the list has them")
    check(openssl("crl", "-inform", "DER", "-noout", "-text", input=p.get(state["crl"])[2]).stdout.count(
        b"Affiliation Changed") >= 2 * (STAFF - 1), "both of each pair")
    # by a list from a file, one of them unknown
    (work / "list").write_text(f"{gone}\nsm2/5A5A\n")
    r = preview("revoke", "--file", work / "list")
    equal([i["code"] for i in r["items"]], ["already-revoked", "not-found"], "codes")
    p.as_("entry", "mass", "revoke", *org, "--preview", status=3)


def the_end_is_announced():
    """Warnings 90, 30 and 7 days before the end, each once, also over a restart; none for what was revoked."""
    names = {}
    for name, number in (("蒋三", 12), ("沈四", 13)):
        w = p.new_request(work / name, name)
        (w / "application.json").write_text(json.dumps(person(name, number), ensure_ascii=False))
        app = p.apply(w)
        p.as_("review", "review", app, "--approve", "--days", "40")
        p.fetch(app, w)
        p.as_("entry", "accept", app)
        names[name] = "sm2/" + serial_of(w / "sign.pem")
    p.as_("review", "revoke", names["沈四"], "--reason", "superseded")

    def warned():
        return [s for (s,) in p.rows("shifan/ra", "SELECT subject FROM notice WHERE kind = 'certificate-expiring' ORDER BY id")]

    time.sleep(1)
    equal(warned(), [], "nothing yet: a certificate of 40 days has no warning at 90")
    day(11)
    until(lambda: warned() == [names["蒋三"]], "30 days before")
    day(1)
    equal(p.stop(), 0, "exit status")
    p.start()
    day(1)
    time.sleep(1.5)
    equal(warned(), [names["蒋三"]], "once")
    day(21)
    until(lambda: warned() == [names["蒋三"]] * 2, "7 days before")


def a_hold_has_an_end():
    """R21.7: the longest time is over → revoked, once, also over a restart; a released one is left alone."""
    _, sign, enc = issue("冯一", 10)
    _, other, _ = issue("陈二", 11)
    p.as_("entry", "revoke", f"sm2/{sign}", "--uncertain")
    p.as_("review", "suspend", f"sm2/{other}")
    p.as_("review", "release", f"sm2/{other}")
    day(29)
    time.sleep(1)
    check("certificateHold" in ocsp(sign), "still on hold after 29 days")
    day(2)
    for s in (sign, enc):
        shows(s, "0x9")  # privilegeWithdrawn; OpenSSL has no name for it
    # the RA asks every hour of business time, and may have asked just before the CA acted
    p.cli("clock", "step", "+3600", "--data", p.data)
    until(lambda: losses()[f"sm2/{sign}"]["state"] == "closed", "the report of loss follows")
    equal(p.stop(), 0, "exit status")
    p.start()
    day(2)
    time.sleep(1)
    check("Cert Status: good" in ocsp(other), "released")
    entries = [e.decode() for (e,) in p.rows("shifan/ca", "SELECT entry FROM log WHERE kind = 'revoked'")]
    equal(sum(f'"{sign}"' in e and "privilegeWithdrawn" in e for e in entries), 1, "exactly once")


def ends():
    equal(p.stop(), 0, "exit status")
    shutil.rmtree(p.data)
    shutil.rmtree(work)


if __name__ == "__main__":
    try:
        main([starts, hold_and_release, only_one_of_a_pair, every_illegal_step_conflicts, who_may_say_what, loss_by_key,
              loss_by_code, uncertain_loss_confirmed_and_refuted, the_ca_is_away, everybody_of_an_organisation,
              a_mass_operation_goes_on_where_it_broke_off, the_end_is_announced, a_hold_has_an_end, ends])
    finally:
        p.stop()
