#!/usr/bin/env python3
"""Proves registration: separable duties and natural persons (R30.4), checks, duplicates and the black list (R30.2), the
authoritative source (R30.3), refusal with notice by mail, correction (R30.6, R21.1), lists of applications, delivery
in every form, acceptance and its end (R21.2, R31.6), the RA's own approval (R08.2 to R08.4), bad input."""
import base64
import http.server
import json
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
work.chmod(0o755)
state = {"mails": [], "source": "match", "asked": []}


# ---- the world outside ----
class Source(http.server.BaseHTTPRequestHandler):
    """The authoritative source: answers what the test wants, 503 for "down"."""

    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state["asked"].append(query)
        if state["source"] == "down":
            self.send_error(503)
            return
        body = json.dumps({"result": state["source"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Mail(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs."""

    def handle(self):
        say = lambda s: self.wfile.write(s.encode() + b"\r\n")
        say("220 test")
        to = None
        while line := self.rfile.readline().decode(errors="replace").strip():
            word = line.split(" ")[0].upper()
            if word == "RCPT":
                to = line.split("<")[1].split(">")[0]
            if word == "DATA":
                say("354 go on")
                text = b""
                while (more := self.rfile.readline()) != b".\r\n":
                    text += more
                state["mails"].append((to, text))
            say("221 bye" if word == "QUIT" else "250 ok")
            if word == "QUIT":
                return


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def free_base(span=60):
    for base in range(30000 + os.getpid() % 97 * 100, 60000, 100):
        sockets = []
        try:
            for port in range(base, base + span):
                s = socket.socket()
                sockets.append(s)
                s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise Failure("no free ports")


def until(condition, what, limit=60):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.1)


def starts():
    plan = json.loads((ROOT / "plans/demo.json").read_text())
    plan["authorisation"]["regions"] = ["110000", "350000"]
    plan["officers"].append({"name": "entry-2", "person": "王录入", "organisation": "shifan", "role": "review",
                             "same_as": "entry"})
    (work / "plan.json").write_text(json.dumps(plan, ensure_ascii=False))
    data = work / "data"
    run(BINARY, "ceremony", "--plan", work / "plan.json", "--data", data, "--test-clock")
    source = serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Source))
    mail = serve(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail))
    with open(data / "shifan/ra/config.yaml", "a") as f:
        f.write(f"mail_url: smtp://127.0.0.1:{mail}\nmail_from: ra@shifan.example.cn\n"
                f"mail_office: office@shifan.example.cn\nsource_url: http://127.0.0.1:{source}/identity\n"
                "source_profiles: person\n")
    state["p"] = Platform("--base-port", str(free_base()), "--unlock", data / "demo/unlock", data=data, demo=False)
    state["p"].start()


def request(name, sequence, **change):
    """Folder with key, request and data of a person; never twice the same identity by accident."""
    w = state["p"].new_request(work / name, name)
    data = person(name, sequence)
    del data["duplicate"]
    data["identity"]["email"] = f"holder{sequence}@example.cn"
    data.update(change)
    (w / "application.json").write_text(json.dumps(data, ensure_ascii=False))
    return w


def show(app, officer="review"):
    return state["p"].call(officer, "GET", f"/v1/applications/{app}")[2]


def mailed(to, word):
    for address, text in state["mails"]:
        head, _, body = text.partition(b"\r\n\r\n")
        if address == to and word in base64.b64decode(body.replace(b"\r\n", b"")).decode():
            return True
    return False


# ---- who ----
def duties_are_separate():
    p = state["p"]
    w = request("duties", 1)
    app = p.apply(w)
    for officer in ("issue", "query", "auditor"):
        equal(p.call(officer, "GET", "/v1/applications")[0], 200, f"{officer} lists")
        equal(p.call(officer, "GET", f"/v1/applications/{app}")[0], 200, f"{officer} looks")
    evidence = json.loads(p.as_("review", "application", "show", app, "--json").stdout)
    sm3 = evidence["content"]["body"]["evidence"][0]["sm3"]
    equal(p.call("review", "GET", f"/v1/applications/{app}/evidence/{sm3}")[0], 200, "the reviewer sees originals")
    for officer in ("query", "issue"):
        equal(p.call(officer, "GET", f"/v1/applications/{app}/evidence/{sm3}")[0], 403, f"{officer} sees no originals")
        p.as_(officer, "review", app, "--approve", status=3)
        p.apply(w, officer=officer, status=3)
    # R30.4: the second account of the clerk has the role and is still the same natural person
    out = p.as_("entry-2", "review", app, "--approve", "--json", status=3).stdout
    equal(json.loads(out)["code"], "same-person", "second account")
    equal(show(app)["state"], "entered", "nothing changed")
    p.as_("review", "review", app, "--approve")
    until(lambda: show(app)["state"] == "issued", "issued")
    p.as_("issue", "fetch", app, "--out", w)
    check(p.as_("query", "accept", app, status=None).returncode != 0, "who only looks accepts nothing")
    p.as_("issue", "accept", app)
    equal(show(app)["state"], "accepted", "R21.2: accepted at the issuing desk")


# ---- checks ----
def duplicates_and_black_list():
    p = state["p"]
    w = request("双份", 2)
    p.apply(w)
    again = request("双份2", 2)
    data = json.loads((again / "application.json").read_text())
    data["identity"]["name"] = "双份"
    (again / "application.json").write_text(json.dumps(data, ensure_ascii=False))
    p.apply(again, status=5)
    app = p.as_("entry", "apply", "--profile", "person", "--class", "GOV", "--csr", again / "sign.csr", "--data",
                again / "application.json", "--evidence", f"identity-document={again / 'id.png'}",
                "--duplicate").stdout.decode().strip()
    equal(len(show(app)["duplicates"]), 1, "the reviewer is told")
    number = citizen_number(3)
    p.cli("blacklist", "add", "--as", p.officer("review"), "--number", number, "--reason", "伪造证件")
    p.cli("blacklist", "add", "--as", p.officer("entry"), "--number", number, "--reason", "x", status=3)
    listed = request("黑名单", 3)
    p.apply(listed, status=3)
    check(number not in p.cli("blacklist", "list", "--as", p.officer("review")).stdout.decode(), "only a mark is kept")
    check(number.encode() not in p.raw("shifan/ra"), "the number is not in the database")
    p.cli("blacklist", "remove", "--as", p.officer("review"), "--number", number, "--reason", "查明无误")
    p.apply(listed)


def the_source_is_asked():
    p = state["p"]
    state["source"] = "mismatch"
    w = request("冒名", 4)
    app = p.apply(w)
    equal(state["asked"][-1]["identity"]["name"], "冒名", "the query holds the identity")
    equal(show(app)["source"], "mismatch", "R30.3")
    out = p.as_("review", "review", app, "--approve", "--json", status=3).stdout
    equal(json.loads(out)["code"], "source-mismatch", "what the source denies is not approved")
    state["source"] = "down"
    w = request("待核", 5)
    app = p.apply(w)
    equal(show(app)["state"], "held", "source down: held")
    p.as_("review", "review", app, "--approve", status=5)
    state["source"] = "match"
    p.cli("clock", "step", "+60", "--data", p.data)
    until(lambda: show(app)["state"] == "entered", "released when the source answers")
    equal([e["event"] for e in show(app)["history"]], ["held", "released"], "history")
    p.as_("review", "review", app, "--approve")


def refused_returned_corrected():
    p = state["p"]
    w = request("退回", 6)
    app = p.apply(w)
    p.as_("review", "review", app, "--return", "photo", "--reason", "证件照片不清晰")
    equal(show(app)["state"], "returned", "returned")
    until(lambda: mailed("holder6@example.cn", "证件照片不清晰"), "R30.6: the applicant is told by mail")
    until(lambda: mailed("office@shifan.example.cn", "证件照片不清晰"), "the clerk is told")
    (w / "id.png").write_bytes(b"\x89PNG a better one")
    second = p.as_("entry", "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data",
                   w / "application.json", "--evidence", f"identity-document={w / 'id.png'}", "--corrects",
                   app).stdout.decode().strip()
    equal((show(app)["state"], show(second)["corrects"]), ("corrected", app), "the key goes over to the correction")
    p.as_("review", "review", second, "--refuse", "identity", "--reason", "材料与本人不符")
    until(lambda: mailed("holder6@example.cn", "材料与本人不符"), "refusal told")
    p.as_("review", "review", second, "--approve", status=5)
    notices = p.call("query", "GET", "/v1/notices?limit=500")[2]["notices"]
    kinds = [n["kind"] for n in notices]
    check("application-returned" in kinds and "application-refused" in kinds, f"GET /v1/notices: {kinds}")


# ---- delivery ----
def delivered_in_every_form():
    p = state["p"]
    w = request("取证", 7)
    app = p.apply(w)
    p.as_("review", "review", app, "--approve")
    p.fetch(app, w, ["--key", w / "sign.key", "--pin-file", w / "pin", "--p12"])
    sizes = {}
    for form in ("sm2", "saed", "skf", "sdf"):
        out = work / ("form-" + form)
        p.fetch(app, out, ["--envelope", form])
        sizes[form] = (out / "enc.env").read_bytes()
    check(len(set(sizes.values())) == 4, "four forms")
    check(sizes["sm2"][0] == 0x30 and sizes["saed"][0] == 0x30, "two are DER")
    for form in ("skf", "sdf"):
        check(any(sizes[form]), form)
    # PKCS#12: OpenSSL opens both; key and certificate belong together
    for name, cert in (("sign.p12", "sign.pem"), ("enc.p12", "enc.pem")):
        equal((w / name).stat().st_mode & 0o777, 0o600, "mode of " + name)
        pem_text = openssl("pkcs12", "-in", w / name, "-passin", "file:" + str(w / "pin"), "-nodes").stdout
        (w / "all").write_bytes(pem_text)
        equal(openssl("pkey", "-in", w / "all", "-pubout").stdout,
              openssl("x509", "-in", w / cert, "-noout", "-pubkey").stdout, "key of " + name)
        check(pem_text.count(b"BEGIN CERTIFICATE") == 3, "chain of " + name)
    openssl("pkcs12", "-in", w / "sign.p12", "-passin", "pass:wrong", "-nokeys", status=1)
    out = p.as_("entry", "accept", app)
    check("保管" in out.stderr.decode(), "R31.6: the notice on safe keeping is shown")


def what_nobody_accepts_is_revoked():
    p = state["p"]
    w = request("不取", 8)
    app = p.apply(w)
    p.as_("review", "review", app, "--approve")
    p.fetch(app, w)
    serials = [serial_of(w / f) for f in ("sign.pem", "enc.pem")]
    p.cli("clock", "step", f"+{30 * 86400 + 120}", "--data", p.data)
    until(lambda: show(app)["state"] == "lapsed", "R21.2: lapsed")
    query = lambda s: json.loads(p.get(p.endpoints["public"]["certificates"] + f"/sm2/{s}")[2])["status"]
    until(lambda: [query(s) for s in serials] == ["revoked"] * 2, "both are revoked")
    until(lambda: mailed("holder8@example.cn", "已撤销"), "the holder is told")
    p.as_("entry", "accept", app, status=5)
    p.stop()
    p.start()
    time.sleep(1)
    rows = p.rows("shifan/ra", "SELECT serial, count(*) FROM revocation GROUP BY 1 HAVING count(*) > 1")
    equal(rows, [], "exactly once over a restart")


# ---- lists ----
def pid_of(name):
    for d in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (d / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"instance" in words and name.encode() in words and str(state["p"].data).encode() in words:
            return int(d.name)
    return None


def lists_survive_crashes():
    p = state["p"]
    n = 90
    folder = work / "list"
    folder.mkdir()
    rows = ["name,document.type,document.number,document.valid_until,province,csr"]
    for i in range(n):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", folder / f"{i}.key")
        openssl("req", "-new", "-utf8", "-key", folder / f"{i}.key", "-subj", f"/C=CN/CN={i}", "-sm3", "-sigopt", DISTID,
                "-out", folder / f"{i}.csr")
        rows.append(f'"员工{i}",citizen,{citizen_number(100 + i)},long-term,北京市,{i}.csr')
    rows[11] = rows[11].replace(citizen_number(110), citizen_number(110)[:-1] + "?")
    rows[21] = rows[21].replace("20.csr", "missing.csr")
    rows[31] += ",one too many"
    (folder / "list.csv").write_text("\r\n".join(rows) + "\r\n")
    (folder / "common.json").write_text(json.dumps({"purpose": "办公", "region": "110000",
                                                    "agreement": {"version": "1", "accepted": True}}))
    (folder / "id.png").write_bytes(b"a scan")
    argv = [BINARY, "batch", "submit", folder / "list.csv", "--as", p.officer("entry"), "--profile", "person", "--class",
            "GOV", "--data", folder / "common.json", "--evidence", f"identity-document={folder / 'id.png'}", "--json"]
    # the client dies, then the RA dies while the client goes on
    client = subprocess.Popen([str(a) for a in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.05)
    client.kill()
    client.wait()
    client = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pid = pid_of("shifan/ra")
    check(pid is not None, "the RA's process")
    os.kill(pid, signal.SIGKILL)
    out, err = client.communicate(timeout=90)
    if client.returncode not in (0, 6):
        until(lambda: p.get(p.url("shifan/ra", "management") + "/readyz")[0] == 200, "the RA is back", 30)
        q = run(*argv, status=None)
        out, err, client.returncode = q.stdout, q.stderr, q.returncode
    equal(client.returncode, 6, f"exit status of a list with refused rows: {out} {err}")
    batch = json.loads(out)
    equal((batch["lines"], batch["done"], batch["errors"], batch["state"]), (n, n, 3, "complete"), "all rows are there")
    errors = json.loads(p.cli("batch", "show", batch["id"], "--errors", "--json", "--as", p.officer("entry")).stdout)
    equal([e["line"] for e in errors["error_lines"]], [11, 21, 31], f"which rows: {errors['error_lines']}")
    equal(errors["error_lines"][2]["code"], "csv", "stable code")
    # again: nothing twice
    again = json.loads(run(*argv, status=6).stdout)
    equal(again["id"], batch["id"], "the same file is the same batch")
    # the source answered none of them yet: the job asks
    counts = lambda: json.loads(p.cli("batch", "show", batch["id"], "--json", "--as", p.officer("entry")).stdout
                                )["applications"]
    p.cli("clock", "step", "+60", "--data", p.data)
    until(lambda: counts().get("entered") == n - 3, f"released: {counts()}", 30)
    p.cli("review", "--batch", batch["id"], "--approve", "--as", p.officer("entry-2"), status=6)
    equal(counts().get("entered"), n - 3, "not by the clerk's second account")
    p.cli("review", "--batch", batch["id"], "--approve", "--as", p.officer("review"))
    until(lambda: counts().get("issued") == n - 3, "issued", 60)
    equal(p.rows("shifan/ra", f"SELECT count(*), count(DISTINCT spki) FROM application WHERE batch = '{batch['id']}'")[0],
          (n - 3, n - 3), "no row was entered twice")
    # cancel: a second list, one row of it never decided
    (folder / "short.jsonl").write_text(json.dumps(
        {**person("取消", 300), "csr": "0.csr"}, ensure_ascii=False) + "\n{broken\n")
    q = run(BINARY, "batch", "submit", folder / "short.jsonl", "--as", p.officer("entry"), "--profile", "person",
            "--class", "GOV", "--evidence", f"identity-document={folder / 'id.png'}", "--json", status=6)
    short = json.loads(q.stdout)
    equal((short["lines"], short["errors"]), (2, 2), "a key that is in use, and a broken row")
    p.cli("batch", "cancel", short["id"], "--reason", "重复", "--as", p.officer("entry"))
    equal(json.loads(p.cli("batch", "show", short["id"], "--json", "--as", p.officer("entry")).stdout)["state"],
          "cancelled", "cancelled")


# ---- the RA itself ----
def the_ca_decides_what_the_ra_may():
    p = state["p"]
    w = request("外省", 9, region="440000")
    app = p.apply(w)
    p.as_("review", "review", app, "--approve")
    until(lambda: show(app)["state"] == "refused", "R08.3: refused at the CA")
    last = show(app)["history"][-1]
    equal((last["event"], last["code"]), ("refused-by-ca", "g09-ra"), "art. 8 is named")
    # past the RA's program, with its own credential and genuine statements
    full = show(app)
    result = p.ask_ca(full["statement"], full["decision"])
    equal((result["state"], result["error"]["code"]), ("refused", "g09-ra"), "out of region")
    # a forged approval: another one's, and an altered one
    good = next(a for a in p.call("review", "GET", "/v1/applications?state=accepted")[2]["applications"])
    altered = bytes(b ^ (i == 700) for i, b in enumerate(base64.b64decode(full["decision"])))
    for approval in (show(good["id"])["decision"], base64.b64encode(altered).decode()):
        equal(p.ask_ca(full["statement"], approval)["state"], "refused", "forged approval")
    equal(p.call("review", "GET", f"/v1/applications/{app}")[2]["certificates"], [], "nothing was issued")


def withdrawn_approval_holds_but_revokes():
    p = state["p"]
    w = request("断前", 10)
    app = p.issue(w)
    p.as_("entry", "accept", app)
    p.stop()
    moved = [p.data / f"shifan/{role}/trust/ra-approval.p7s" for role in ("ra", "ca")]
    for f in moved:
        f.rename(f.with_suffix(".away"))
    p.start()
    held = p.apply(request("断后", 11))
    equal(show(held)["state"], "held", "R08.4: new ones are held")
    serial = serial_of(w / "sign.pem")
    p.as_("review", "revoke", f"sm2/{serial}", "--reason", "keyCompromise")
    until(lambda: json.loads(p.get(p.endpoints["public"]["certificates"] + f"/sm2/{serial}")[2])["status"] == "revoked",
          "revocation passes")
    p.stop()
    for f in moved:
        f.with_suffix(".away").rename(f)
    p.start()
    p.cli("clock", "step", "+60", "--data", p.data)
    until(lambda: show(held)["state"] == "entered", "released when the approval is back")
    p.as_("review", "review", held, "--approve")


# ---- bad input ----
def bad_input_changes_nothing():
    p = state["p"]
    count = lambda: p.rows("shifan/ra", "SELECT count(*) FROM application")[0][0]
    before = count()
    media = "application/vnd.yuandian.statement"
    for path, body, kind, want in (
            ("/v1/applications", b"", media, 400), ("/v1/applications", b"\x30\x82\xff\xff", media, 400),
            ("/v1/applications", b"x" * (257 << 10), media, 413), ("/v1/applications", b"{}", "application/json", 415),
            ("/v1/batches", b"{", "application/json", 400), ("/v1/batches", b'{"name":"a"}', "application/json", 400),
            ("/v1/batches", b'{"a":1,"a":2}', "application/json", 400),
            ("/v1/batches", b"[" * 5000, "application/json", 413),
            ("/v1/batches", b"[" * 4000, "application/json", 400),
            ("/v1/batches/0123456789abcdef/lines", b'{"lines":[]}', "application/json", 404)):
        status, _, answer = p.call("entry", "POST", path, body, kind)
        equal(status, want, f"{path} {body[:20]}: {answer}")
        check("code" in answer, "a stable code")
    w = request("无模板", 12)
    p.apply(w, profile="nobody", status=1)
    p.apply(w, officer="review", status=3)
    equal(count(), before, "nothing changed")


def ends():
    equal(state["p"].stop(), 0, "exit status")


main([starts, duties_are_separate, duplicates_and_black_list, the_source_is_asked, refused_returned_corrected,
      delivered_in_every_form, what_nobody_accepts_is_revoked, lists_survive_crashes, the_ca_decides_what_the_ra_may,
      withdrawn_approval_holds_but_revokes, bad_input_changes_nothing, ends])
