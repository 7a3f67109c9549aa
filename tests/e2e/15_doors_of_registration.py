#!/usr/bin/env python3
"""The doors of registration from outside (R21.1, R21.2, R21.3, R21.5, R30.4, R30.6): what a holder does with nothing but
his key, what officers are told, and what a dishonest clerk, reviewer, holder or neighbour gets at every door."""
import base64
import concurrent.futures
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import DISTID, Platform, check, der, equal, main, openssl, person, pem, serial_of

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
platform = None
of = {}
MEDIA = "application/vnd.yuandian.statement"
JSON = "application/json"


def alone():
    return ("--endpoints", platform.data / "endpoints.json")


def key_and_request(d, name):
    platform.new_request(d, name)
    return d


def apply(d, name, sequence):
    key_and_request(d, name)
    (d / "application.json").write_text(json.dumps(person(name, sequence), ensure_ascii=False))
    return platform.apply(d)


def fetch_as_holder(app, d, *more, status=0, key=None):
    return platform.cli("fetch", app, "--out", d, "--key", key or d / "sign.key", "--pin-file", d / "pin", *alone(),
                        "--lang", "en", *more, status=status)


def accept_as_holder(app, d, status=0):
    return platform.cli("accept", app, "--key", d / "sign.key", *alone(), "--lang", "en", status=status)


def wait_until(what, text, limit=60):
    until = time.monotonic() + limit
    while not what():
        check(time.monotonic() < until, text)
        time.sleep(0.2)


def state_of(app):
    return platform.call("review", "GET", f"/v1/applications/{app}")[2]["state"]


def post(who, path, body, media=MEDIA):
    """(status, error code) of a door of the RA."""
    status, _, answer = platform.call(who, "POST", path, body, media)
    return status, answer.get("code") if isinstance(answer, dict) else None


def statement_of(app, member="statement"):
    return base64.b64decode(platform.call("review", "GET", f"/v1/applications/{app}")[2][member])


def the_holder_needs_nobody():
    """R21.2: whoever has the key of the request sees what became of it, takes the pair and accepts it."""
    zhang = work / "zhang"
    app = apply(zhang, "张三", 1)
    equal(fetch_as_holder(app, zhang, status=6).returncode, 6, "nothing is there before the review")
    platform.as_("review", "review", app, "--approve")
    wait_until(lambda: fetch_as_holder(app, zhang, "--wait", "20", status=None).returncode == 0, "it comes")
    openssl("verify", "-partial_chain", "-vfyopt", DISTID, "-CAfile", platform.ca("sm2"), zhang / "sign.pem",
            zhang / "enc.pem")
    (zhang / "plain").write_text("公文")
    openssl("pkeyutl", "-encrypt", "-certin", "-inkey", zhang / "enc.pem", "-in", zhang / "plain", "-out", zhang / "secret")
    equal(openssl("pkeyutl", "-decrypt", "-inkey", zhang / "enc.key", "-passin", f"file:{zhang / 'pin'}", "-in",
                  zhang / "secret").stdout.decode(), "公文", "the key of the envelope opens")
    p = accept_as_holder(app, zhang)
    check(len(p.stdout.decode().split()) == 2, "the code to revoke with is shown")
    check("密钥" in p.stderr.decode() or len(p.stderr) > 50, "the notice on safe keeping is shown (R31.6)")
    equal(state_of(app), "accepted", "accepted")
    equal(accept_as_holder(app, zhang, status=None).returncode, 5, "once")
    of["zhang"] = app


def the_holder_follows_his_update():
    """R21.3: entered with the old key, fetched and accepted with the new one."""
    old, new = work / "zhang", key_and_request(work / "zhang2", "张三")
    app = platform.cli("update", "sm2/" + serial_of(old / "sign.pem"), "--profile", "person", "--class", "GOV", "--csr",
                       new / "sign.csr", "--data", old / "application.json", "--key", old / "sign.key", "--certificate",
                       old / "sign.pem", *alone()).stdout.decode().strip()
    # the old key asked, but the new one is named by the request
    (work / "other").mkdir()
    (work / "other/pin").write_text("246810\n")
    p = fetch_as_holder(app, work / "other", status=3, key=old / "sign.key")
    check(b"holder-proof" in p.stderr, f"the old key does not fetch: {p.stderr}")
    platform.as_("review", "review", app, "--approve")
    wait_until(lambda: fetch_as_holder(app, new, "--wait", "20", status=None).returncode == 0, "the update comes")
    accept_as_holder(app, new)
    equal(state_of(app), "accepted", "accepted by the holder")


def the_holder_hears_why():
    """R30.6: a refusal with its reason reaches him too, and his notice is among those that officers read."""
    d = work / "refused"
    app = apply(d, "王五", 3)
    platform.as_("review", "review", app, "--refuse", "identity", "--reason", "照片与本人不符")
    p = fetch_as_holder(app, d, status=5)
    check("照片与本人不符" in p.stderr.decode(), f"the reason: {p.stderr}")
    notices = json.loads(platform.as_("review", "notice", "list", "--json").stdout)["notices"]
    mine = [n for n in notices if n["subject"] == "application/" + app or app in n["subject"]]
    check(mine, "the notice is listed")
    lines = platform.as_("auditor", "notice", "list").stdout.decode()
    check(app in lines, "one line each")
    few = json.loads(platform.as_("entry", "notice", "list", "--to", mine[0]["recipient"], "--json").stdout)["notices"]
    equal({n["recipient"] for n in few}, {mine[0]["recipient"]}, "of one recipient")
    equal(platform.as_("recovery-1", "notice", "list", "--ra", "shifan/ra", status=None).returncode != 0, True,
          "an officer of another house reads none")


def the_holder_asks_for_old_keys():
    """R21.5: with a certificate that is valid, for his own keys alone."""
    old, new, token = work / "zhang", work / "zhang2", key_and_request(work / "token", "张三")
    named = "sm2/" + serial_of(new / "sign.pem")
    ask = ("--csr", token / "sign.csr", "--ground", "CASE-1", "--key", new / "sign.key", *alone(), "--lang", "en")
    case = platform.cli("recover", named, "--all", *ask).stdout.decode().strip()
    status, _, body = platform.call("review", "GET", f"/v1/recoveries/{case}")
    equal((status, body["state"]), (200, "requested"), "the case is there")
    # the other's certificate, with the own key
    lisi = work / "lisi"
    app = apply(lisi, "李四", 2)
    platform.as_("review", "review", app, "--approve")
    wait_until(lambda: fetch_as_holder(app, lisi, "--wait", "20", status=None).returncode == 0, "the second holder's")
    accept_as_holder(app, lisi)
    of["lisi"] = app
    p = platform.cli("recover", "sm2/" + serial_of(lisi / "sign.pem"), "--all", *ask, status=3)
    check(b"holder-proof" in p.stderr, f"keys of another: {p.stderr}")
    equal(post(None, "/v1/holder/recoveries", base64.b64decode(body["statement"]))[0], 200, "the same again is the same")
    equal(len(platform.call("review", "GET", "/v1/recoveries")[2]["recoveries"]), 1, "and one case")
    # a key that was reported lost asks for nothing, whichever of the pair was stopped; released, it asks again
    theirs = ("recover", "sm2/" + serial_of(lisi / "sign.pem"), "--all", "--csr", token / "sign.csr", "--ground", "CASE-2",
              "--key", lisi / "sign.key", *alone(), "--lang", "en")
    for which in ("sign.pem", "enc.pem"):
        platform.as_("review", "suspend", "sm2/" + serial_of(lisi / which))
        check(b"certificate-state" in platform.cli(*theirs, status=5).stderr, f"{which} on hold")
        platform.as_("review", "release", "sm2/" + serial_of(lisi / which))
    platform.cli(*theirs)


def a_curious_neighbour():
    """Every door for holders: another's application, nonsense, sizes; nobody learns whether there is one."""
    other = work / "lisi"
    d = work / "neighbour"
    d.mkdir()
    (d / "pin").write_text("246810\n")
    texts = [fetch_as_holder(app, d, status=3, key=other / "sign.key").stderr for app in (of["zhang"], "0" * 16)]
    equal(texts[0], texts[1], "another's and none look the same")
    p = platform.cli("accept", of["zhang"], "--key", other / "sign.key", *alone(), "--lang", "en", status=3)
    check(b"holder-proof" in p.stderr, "nor is it accepted")
    doors = ("/v1/holder/outcomes", "/v1/holder/certificates", "/v1/holder/recoveries/keys", "/v1/holder/revocations/code")
    for path in doors:
        for body in (b"", b"{}", b"[", b"null", b'{"id":7}', b"\xff\xfe", b'{"id":"' + b"A" * 300 + b'"}', b"[" * 900,
                     b'{"id":"0000000000000000","at":"2026-01-01T00:00:00Z","signature":"AAAA"}'):
            status, _ = post(None, path, body, JSON)
            check(status in (400, 403, 413), f"{path} {body[:30]}: {status}")
        equal(post(None, path, b" " * 5000, JSON)[0], 413, f"{path}: too much")
        equal(post(None, path, b"{}", "text/plain")[0], 415, f"{path}: another type")
    for path in ("applications", "recoveries", "acceptances", "revocations"):
        for body in (b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"{}", statement_of(of["zhang"]),
                     statement_of(of["zhang"], "decision")):
            status, _ = post(None, "/v1/holder/" + path, body)
            check(status in (400, 403), f"/v1/holder/{path} {body[:10]}: {status}")
        equal(post(None, "/v1/holder/" + path, b"\x30" * (300 << 10))[0], 413, f"{path}: too much")


def wrong_roles():
    """A duty is a duty: each door of officers, by those who have another one."""
    app = of["zhang"]
    doors = [("GET", "/v1/applications"), ("GET", f"/v1/applications/{app}"), ("GET", "/v1/notices"), ("GET", "/v1/losses"),
             ("GET", "/v1/blacklist"), ("GET", "/v1/recoveries"), ("GET", f"/v1/recoveries/keys?ca=sm2&serial=1"),
             ("POST", f"/v1/applications/{app}/review"), ("POST", "/v1/applications"), ("POST", "/v1/blacklist"),
             ("POST", "/v1/batches"), ("POST", "/v1/mass/preview"), ("POST", "/v1/mass"),
             ("POST", f"/v1/applications/{app}/acceptance"), ("POST", "/v1/certificates/sm2/1/revocation")]
    for method, path in doors:
        status, _, _ = platform.call(None, method, path, b"" if method == "POST" else None)
        equal(status, 401, f"{method} {path} without a certificate")
    for who, method, path in (("entry", "POST", f"/v1/applications/{app}/review"), ("entry", "POST", "/v1/blacklist"),
                              ("entry", "GET", "/v1/blacklist"), ("review", "POST", "/v1/applications"),
                              ("review", "POST", "/v1/batches"), ("auditor", "POST", "/v1/blacklist"),
                              ("query", "POST", f"/v1/applications/{app}/review"), ("issue", "POST", "/v1/applications"),
                              ("entry", "POST", "/v1/mass"), ("issue", "GET", "/v1/blacklist"),
                              ("ca-operator", "GET", "/v1/applications"), ("entry", "POST", "/v1/recoveries/x/decision")):
        status, _, _ = platform.call(who, method, path, b"" if method == "POST" else None, MEDIA if method == "POST" else None)
        equal(status, 403, f"{who} {method} {path}")


def a_dishonest_clerk_and_reviewer():
    """R30.4: a statement counts from its signer, once, unchanged and at its own door."""
    d = work / "sun"
    app = apply(d, "孙七", 5)
    theirs = statement_of(app)
    decided = statement_of(of["zhang"], "decision")
    review = f"/v1/applications/{app}/review"
    # an approval of another application, then with its bytes changed, then at the holder's and clerk's doors
    for body in (decided, theirs):
        check(post("review", review, body)[0] in (400, 403, 409), "not a decision on this one")
    for at in (60, len(decided) // 2, len(decided) - 5):
        changed = bytearray(decided)
        changed[at] ^= 1
        check(post("review", f"/v1/applications/{of['zhang']}/review", bytes(changed))[0] in (400, 403), f"byte {at}")
    equal(post("entry", "/v1/applications", decided)[0], 400, "a decision is no application")
    equal(post("issue", "/v1/applications", theirs)[0], 403, "nobody hands in another's")
    status, _, again = platform.call("entry", "POST", "/v1/applications", theirs, MEDIA)
    equal((status, again["id"]), (201, app), "the same application again is the same")
    equal(state_of(app), "entered", "nothing changed")
    # approval and refusal at once: one of them
    def decide(argv):
        return platform.as_("review", "review", app, *argv, status=None).returncode
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        got = list(pool.map(decide, [("--approve",), ("--refuse", "identity", "--reason", "x")] * 3))
    state = state_of(app)
    wins = got[0::2] if state != "refused" else got[1::2]
    loses = got[1::2] if state != "refused" else got[0::2]
    check(0 in wins and 0 not in loses, f"one decision: {got} {state}")
    history = [e["event"] for e in platform.call("review", "GET", f"/v1/applications/{app}")[2]["history"]]
    equal(sum(e in ("approved", "refused") for e in history), 1, f"one line of history: {history}")


def who_looked_and_who_cancelled():
    """The black list and what was done to a batch leave an entry with the officer."""
    platform.as_("auditor", "blacklist", "list")
    rows = work / "rows.csv"
    requests = []
    for i in range(3):
        d = key_and_request(work / f"row{i}", "行")
        requests.append(d)
    head = ["csr", "name", "document.type", "document.number", "document.valid_until", "province", "purpose", "region"]
    common = work / "common.json"
    common.write_text(json.dumps({"agreement": {"version": "1", "accepted": True}}))

    def submit(name, first, count):
        lines = [",".join(head)]
        for i in range(first, first + count):
            data = person(f"行{i}", 600 + i)["identity"]["document"]["number"]
            lines.append(f"{requests[i]}/sign.csr,行{i},citizen,{data},long-term,北京市,办公,110000")
        (work / name).write_text("\n".join(lines) + "\n")
        p = platform.as_("entry", "batch", "submit", work / name, "--profile", "person", "--class", "GOV", "--data", common,
                         "--evidence", f"identity-document={work / 'zhang/id.png'}", "--json")
        return json.loads(p.stdout)["id"]

    batch = submit("two.csv", 0, 2)
    p = platform.as_("review", "review", "--batch", batch, "--refuse", "identity", "--reason", "名单有误", "--json")
    equal(json.loads(p.stdout)["decided"], 2, "the whole batch is refused")
    shown = json.loads(platform.as_("review", "batch", "show", batch, "--json").stdout)
    equal(shown["applications"].get("refused"), 2, f"{shown}")
    other = submit("one.csv", 2, 1)
    equal(platform.as_("entry", "batch", "cancel", other, status=None).returncode, 2, "a reason is asked for")
    platform.as_("entry", "batch", "cancel", other, "--reason", "重复导入")
    out = work / "log.jsonl"
    platform.as_("auditor", "audit", "export", "--instance", "shifan/ra", "--out", out)
    text = out.read_text()
    for kind in ("blacklist-read", "batch-cancelled"):
        check(kind in text, f"the log has {kind}")
    check("重复导入" in text or base64.b64encode("重复导入".encode()).decode()[:12] in text, "with the reason")


if __name__ == "__main__":
    with Platform("--test-clock") as platform:
        main([the_holder_needs_nobody, the_holder_follows_his_update, the_holder_hears_why, the_holder_asks_for_old_keys,
              a_curious_neighbour, wrong_roles, a_dishonest_clerk_and_reviewer, who_looked_and_who_cancelled])
