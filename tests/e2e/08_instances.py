#!/usr/bin/env python3
"""Proves the doors behind the RA: R06.16 each hop knows its peer, design 9.5 same request same answer, the log
feed with leaves that OpenSSL recomputes, refusals as entries, alarms with acknowledgement, R06.13 stock, the
gate closing with the authorisation's end (G01) while revocation and lists go on, CRL renewal by the clock,
law 1 under kill -9."""
import base64
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
work.chmod(0o755)
state = {}


def free_base(span=18):
    """A row of free ports: the plan's own may be taken by another platform on this machine."""
    for base in range(21000 + os.getpid() % 97 * 100, 60000, 100):
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


def short_authorisation():
    """The demonstration with an authorisation of 20 days."""
    plan = json.loads((ROOT / "plans/demo.json").read_text())
    plan["authorisation"]["days"] = 20
    (work / "plan.json").write_text(json.dumps(plan, ensure_ascii=False))
    data = work / "data"
    run(BINARY, "ceremony", "--plan", work / "plan.json", "--data", data, "--test-clock")
    return Platform("--base-port", str(free_base()), "--unlock", data / "demo/unlock", data=data, demo=False)


platform = short_authorisation().start()


def between(client, server, method, path, body=None, media=None, timeout=40):
    """One instance calls another with its own transport credential."""
    url = urllib.parse.urlsplit(platform.url(server, "api"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(platform.data / "demo/ca" / (server.split("/")[0] + "-tls.pem"))
    tls = platform.data / client / "tls"
    context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
    c = http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout, context=context)
    try:
        c.request(method, path, body=body, headers={"Content-Type": media} if media else {})
        r = c.getresponse()
        data = r.read()
    finally:
        c.close()
    return r.status, json.loads(data) if "json" in (r.getheader("Content-Type") or "") else data


def ca(method, path, body=None, media="application/json", client="shifan/ra"):
    return between(client, "shifan/ca", method, path, body, media if body is not None else None)


def somebody(folder, name, sequence):
    w = platform.new_request(work / folder, name)
    (w / "application.json").write_text(json.dumps(person(name, sequence), ensure_ascii=False))
    return w


def issues_one():
    state["w"] = w = somebody("first", "张三", 1)
    state["app"] = platform.issue(w)
    state["serial"] = serial_of(w / "sign.pem")


def request_json(key, application, approval):
    return json.dumps({"requests": [{"key": key, "application": base64.b64encode(application).decode(),
                                     "approval": base64.b64encode(approval).decode()}]})


def the_same_request_gets_the_same_answer():
    approval, key = platform.rows(
        "shifan/ca", "SELECT b.approval, r.key FROM request r JOIN request_body b ON b.request = r.id")[0]
    application = base64.b64decode(platform.call("review", "GET", f"/v1/applications/{state['app']}")[2]["statement"])
    state["request"] = (key.hex(), application, approval)
    status, first = ca("POST", "/v1/requests", request_json(key.hex(), application, approval))
    equal(status, 200, f"repeated: {first}")
    result = first["results"][0]
    equal(result["state"], "issued", "state")
    equal(result["serial"], state["serial"], "the same certificate")
    equal(base64.b64decode(result["certificates"][0]), der(state["w"] / "sign.pem"), "its bytes")
    equal(base64.b64decode(result["certificates"][1]), der(state["w"] / "enc.pem"), "and those of the other")
    status, second = ca("POST", "/v1/requests", request_json(key.hex(), application, approval))
    equal(second, first, "and again")
    status, shown = ca("GET", f"/v1/requests/{key.hex()}?wait=5")
    equal((status, shown), (200, result), "GET shows the same")
    equal(ca("GET", "/v1/requests/" + "00" * 32)[0], 404, "unknown key")
    # other bytes under a known key: nothing is issued, the caller is told so
    status, other = ca("POST", "/v1/requests", request_json(key.hex(), application[:-9] + b"changed!!", approval))
    equal(other["results"][0]["state"], "refused", f"changed application: {other}")
    status, other = ca("POST", "/v1/requests", request_json("11" * 32, application, approval))
    equal(other["results"][0]["error"]["code"], "input", "a key that is not the approval's hash")
    for body in (b"{", b"[]", b'{"requests":{}}', b'{"requests":[],"more":1}'):
        equal(ca("POST", "/v1/requests", body)[0], 400, f"{body}")
    equal(ca("POST", "/v1/requests", json.dumps({"requests": [1] * 257}))[0], 413, "more than a batch")


def every_hop_knows_its_peer():
    for client in ("shifan/status", "keycentre/kmc", "national/source"):
        try:
            status, body = ca("POST", "/v1/requests", "{}", client=client)
        except (OSError, ssl.SSLError, http.client.HTTPException):
            continue
        check(status in (401, 403), f"{client} at the CA's door: {status} {body}")
    for client in ("shifan/ra", "shifan/status"):
        try:
            status, body = between(client, "keycentre/kmc", "POST", "/gmt0014", b"0", "application/octet-stream")
        except (OSError, ssl.SSLError, http.client.HTTPException):
            continue
        check(status in (401, 403), f"{client} at the KMC's door: {status} {body}")


def sm3(data):
    return openssl("dgst", "-sm3", "-binary", input=data).stdout


def the_log_is_a_feed():
    """Canonical entries are recomputed here with Python's own serialiser, their leaves with OpenSSL."""
    status, page = ca("GET", "/v1/log/entries?from=0&limit=1000", client="shifan/status")
    equal(status, 200, f"{page}")
    equal(len(page["entries"]), page["size"], "one page holds all")
    equal([e["index"] for e in page["entries"]], list(range(page["size"])), "no gaps")
    for e in page["entries"]:
        text = json.dumps(e["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        equal(sm3(b"\0" + text).hex(), e["leaf"], f"leaf of {text}")
    issued = [e for e in page["entries"] if e["entry"]["kind"] == "issued" and
              e["entry"]["data"].get("serial") == state["serial"]]
    equal(len(issued), 1, "the certificate is logged once")
    data = issued[0]["entry"]["data"]
    certificate = der(state["w"] / "sign.pem")
    equal(base64.b64decode(issued[0]["certificate"]), certificate, "with its bytes")
    equal(data["certificate"], sm3(certificate).hex(), "and its hash")
    equal((data["ca"], data["profile"], data["class"]), ("sm2", "person", "GOV"), "R02.1: class in the entry")
    equal(data["pair"], serial_of(state["w"] / "enc.pem"), "its other half")
    equal(ca("GET", f"/v1/log/entries?from={page['size'] + 5}", client="shifan/status")[0], 404, "beyond the end")
    status, head = ca("GET", "/v1/log/head", client="shifan/status")
    check(head["size"] >= page["size"], "size of the head")


def a_follower_is_woken():
    size = ca("GET", "/v1/log/head", client="shifan/status")[1]["size"]
    heard = []

    def follow():
        started = time.monotonic()
        heard.append((ca("GET", f"/v1/log/entries?from={size}&wait=25", client="shifan/status"),
                      time.monotonic() - started))

    t = threading.Thread(target=follow)
    t.start()
    time.sleep(0.5)
    platform.issue(somebody("follow", "李四", 2))
    t.join(30)
    (status, page), seconds = heard[0]
    equal(status, 200, "follower")
    check(len(page["entries"]) >= 1 and seconds < 24, f"woken by the entry, not by the end of its time: {seconds}")


def refusals_are_entries():
    before = ca("GET", "/v1/log/head", client="shifan/status")[1]["size"]
    key, application, approval = state["request"]
    damaged = bytearray(approval)
    damaged[-5] ^= 1
    status, answer = ca("POST", "/v1/requests", request_json(sm3(bytes(damaged)).hex(), application, bytes(damaged)))
    error = answer["results"][0]["error"]
    equal(error["code"], "statement-signature", f"{answer}")
    until = time.monotonic() + 60
    while True:
        page = ca("GET", f"/v1/log/entries?from={before}&wait=5", client="shifan/status")[1]
        found = [e["entry"]["data"] for e in page["entries"] if e["entry"]["kind"] == "refused"]
        if any(d["code"] == "statement-signature" and d["by"] == "shifan/ra" for d in found):
            return
        check(time.monotonic() < until, f"the refusal is in the log: {found}")


def alarms_are_seen_and_acknowledged():
    status, _ = between("shifan/ca", "keycentre/kmc", "POST", "/gmt0014", b"\x30\x03\x02\x01\x05", "application/octet-stream")
    equal(status, 400, "garbage at the KMC")
    until = time.monotonic() + 60
    while True:
        status, _, body = platform.call("kmc-operator", "GET", "/v1/alarms?open=true", instance="keycentre/kmc")
        equal(status, 200, f"alarms: {body}")
        found = [a for a in body["alarms"] if a["kind"] == "km-refused"]
        if found:
            break
        check(time.monotonic() < until, "the alarm shows")
        time.sleep(0.2)
    path = f"/v1/alarms/{found[0]['id']}/acknowledgement"
    status, _, body = platform.call("kmc-operator", "POST", path, instance="keycentre/kmc")
    equal(status, 200, f"acknowledged: {body}")
    equal(platform.call("kmc-operator", "POST", path, instance="keycentre/kmc")[0], 409, "once")
    equal(platform.call("kmc-operator", "POST", "/v1/alarms/999999/acknowledgement", instance="keycentre/kmc")[0], 404,
          "unknown alarm")
    equal(platform.call("entry", "GET", "/v1/alarms", instance="shifan/ca")[0], 403, "not for entry clerks")
    status, _, body = platform.call("kmc-operator", "GET", "/v1/keys", instance="keycentre/kmc")
    check(status == 200 and body["standby"] >= 512 and body["in_use"] >= 2, f"R06.13: stock {body}")


def processes():
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(platform.data).encode() in argv and len(argv) > 2 and argv[1] == b"instance":
                found[argv[2].decode()] = int(entry.name)
    return found


def trust_is_read_again():
    """A grant that is taken away ends the role at once (SIGHUP)."""
    grants = platform.data / "keycentre/kmc/trust/grants"
    name = None
    for path in grants.iterdir():
        if b"kmc-operator" in path.read_bytes():
            name = path
    check(name is not None, "the grant of the KMC operator")
    content = name.read_bytes()
    mode = name.stat()
    name.unlink()
    os.kill(processes()["keycentre/kmc"], signal.SIGHUP)
    until = time.monotonic() + 60
    while platform.call("kmc-operator", "GET", "/v1/keys", instance="keycentre/kmc")[0] != 403:
        check(time.monotonic() < until, "the role is gone")
        time.sleep(0.1)
    name.write_bytes(content)
    os.chown(name, mode.st_uid, mode.st_gid)
    name.chmod(mode.st_mode & 0o777)
    os.kill(processes()["keycentre/kmc"], signal.SIGHUP)
    while platform.call("kmc-operator", "GET", "/v1/keys", instance="keycentre/kmc")[0] != 200:
        check(time.monotonic() < until + 10, "the role is back")
        time.sleep(0.1)


def kill(name):
    """The process is there, or on its way back from the kill before."""
    until = time.monotonic() + 60
    while name not in processes():
        check(time.monotonic() < until, f"{name} runs")
        time.sleep(0.05)
    os.kill(processes()[name], signal.SIGKILL)


def a_killed_ca_loses_nothing():
    """Law 1: kill -9 while requests are on their way; afterwards each has its one pair."""
    people = [somebody(f"kill{i}", f"孙{'甲乙丙丁戊己'[i]}", 10 + i) for i in range(6)]
    apps = [platform.apply(w) for w in people]
    for i, app in enumerate(apps):
        platform.as_("review", "review", app, "--approve")
        if i in (1, 3):
            kill("shifan/ca")
    for app, w in zip(apps, people):
        platform.fetch(app, w, limit=90)
        verify_link(w / "sign.pem", platform.ca("sm2"))
        verify_link(w / "enc.pem", platform.ca("sm2"))
    rows = lambda sql: platform.rows("shifan/ca", sql)
    total = rows("SELECT count(*) FROM certificate")[0][0]
    distinct = rows("SELECT count(*) FROM (SELECT DISTINCT ca, serial FROM certificate) c")[0][0]
    equal(total, distinct, "no serial twice")
    equal(rows("SELECT count(*) FROM request WHERE state <> 5")[0][0], 0, "nothing half done")
    kinds = [k for (k,) in rows("SELECT kind FROM log")]
    equal(kinds.count("issued") >= total, True, "no certificate without its entry")


def crl_number(url):
    text = openssl("crl", "-inform", "DER", "-noout", "-crlnumber", input=platform.get(url)[2]).stdout
    return int(text.split(b"=")[1], 16)


def step(seconds):
    platform.cli("clock", "--data", platform.data, "step", f"+{seconds}")


def lists_are_renewed_by_the_clock():
    root = platform.url("national/source", "public") + "/crl/root.crl"
    issuing = platform.endpoints["public"]["crl"] + "/sm2.crl"
    before = (crl_number(issuing), crl_number(root))
    step(13 * 3600)
    until = time.monotonic() + 60
    while crl_number(issuing) <= before[0]:
        check(time.monotonic() < until, "the issuing CA's list is renewed at half its time")
        time.sleep(0.2)
    equal(crl_number(root), before[1], "the root's list still has time")
    step(16 * 86400)
    while crl_number(root) <= before[1]:
        check(time.monotonic() < until + 20, "the root's list is renewed")
        time.sleep(0.2)
    crl = platform.get(root)[2]
    verify_signed(crl, platform.ca("root", "der").read_bytes(), work)


def the_gate_closes_and_revocation_goes_on():
    """E-03: the authorisation runs out; nothing is issued, everything else goes on."""
    w = state["w"]
    app = platform.apply(somebody("late", "王五", 50))
    step(10 * 86400)
    # the RA's approval has ended on the same day: it keeps what is approved (R08.4)
    platform.as_("review", "review", app, "--approve")
    held = platform.apply(somebody("later", "王六", 51))
    equal(platform.call("entry", "GET", f"/v1/applications/{held}")[2]["state"], "held", "new ones are held")
    body = platform.call("review", "GET", f"/v1/applications/{app}")[2]
    equal(body["state"], "approved", "nothing is issued without an authorisation")
    # past the RA's program the CA refuses, and names the gate
    result = platform.ask_ca(body["statement"], body["decision"])
    equal((result["state"], result["error"]["code"]), ("refused", "authorisation"), "the gate of the CA")
    issuing = platform.endpoints["public"]["crl"] + "/sm2.crl"
    before = crl_number(issuing)
    platform.as_("review", "revoke", f"sm2/{state['serial']}", "--reason", "superseded")
    until = time.monotonic() + 60
    while crl_number(issuing) <= before:
        check(time.monotonic() < until, "the list goes on")
        time.sleep(0.2)
    text = openssl("crl", "-inform", "DER", "-noout", "-text", input=platform.get(issuing)[2]).stdout.decode().lower()
    check(state["serial"] in text.replace(":", ""), "with the revoked certificate")


def ends():
    equal(platform.stop(), 0, "exit status")
    shutil.rmtree(work)


main([issues_one, the_same_request_gets_the_same_answer, every_hop_knows_its_peer, the_log_is_a_feed,
      a_follower_is_woken, refusals_are_entries, alarms_are_seen_and_acknowledged, trust_is_read_again,
      a_killed_ca_loses_nothing, lists_are_renewed_by_the_clock, the_gate_closes_and_revocation_goes_on, ends])
