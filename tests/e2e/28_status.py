#!/usr/bin/env python3
"""What relying parties and attackers do to the status service (R21.6, R21.9, R31.3): kept answers that OpenSSL, GnuTLS
and Bouncy Castle accept and that a revocation replaces at once; forged certificates with unused serials, foreign issuers,
oversize, malformed, slow and half-closed requests, ten thousand idle connections, a clock that is set back; a store that
was damaged or that somebody changed is made anew."""
import base64
import http.client
import json
import os
import pathlib
import resource
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
p = Platform("--test-clock")
state = {}
IDLE = 10000
MEDIA = "application/ocsp-request"


def until(what, condition, limit=60):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, f"{what}\n{p.tail(20)}")
        time.sleep(0.05)


def request(serial, issuer=None, digest="-sm3"):
    openssl("ocsp", digest, "-issuer", issuer or p.ca("sm2"), "-serial", "0x" + serial, "-no_nonce", "-reqout", work / "q.der")
    return (work / "q.der").read_bytes()


def post(body):
    return p.get(state["ocsp"], body, MEDIA)


def error_of(answer):
    """responseStatus of an OCSPResponse."""
    return contents(children(answer)[0])[0]


def said(answer):
    (work / "r.der").write_bytes(answer)
    return openssl("ocsp", "-respin", work / "r.der", "-noverify", "-resp_text").stdout.decode()


def place():
    u = urllib.parse.urlsplit(state["ocsp"])
    return u.hostname, u.port


def starts():
    p.start()
    state["ocsp"] = p.url("shifan/status", "public") + "/ocsp"
    p.issue(p.new_request(work / "first"))
    state["serial"] = serial_of(work / "first/sign.pem")


def kept_answers_are_one_signature_until_the_revocation():
    """Without a nonce the same bytes come again, for each hash; by GET with the headers of RFC 5019."""
    serial = state["serial"]
    for digest in ("-sha1", "-sha256", "-sm3"):
        q = request(serial, digest=digest)
        until("known", lambda: "good" in said(post(q)[2]))
        equal(post(q)[2], post(q)[2], "a kept answer " + digest)
    path = urllib.parse.quote(base64.b64encode(request(serial, digest="-sha1")).decode(), safe="")
    status, headers, body = p.get(state["ocsp"] + "/" + path)
    equal(status, 200, "GET")
    check("max-age=1," in headers["Cache-Control"] and headers["ETag"] and headers["Last-Modified"] and headers["Expires"],
          str(headers))
    state["q"] = q


def a_revocation_replaces_them_at_once():
    """R31.3: the moment the command has returned is the moment from which it is counted; no answer after the first
    revoked one says good again."""
    p.as_("review", "revoke", f"sm2/{state['serial']}", "--reason", "keyCompromise")
    begun = time.monotonic()
    until("revoked", lambda: "revoked" in said(post(state["q"])[2]))
    print(f"shown after {time.monotonic() - begun:.3f} s")
    for digest in ("-sha1", "-sha256", "-sm3"):
        check("keyCompromise" in said(post(request(state["serial"], digest=digest))[2]), "revoked for every hash")


def forged_and_foreign():
    """R21.9: a certificate that was never issued is unknown, whatever it looks like; others' authorities are refused."""
    check("Cert Status: unknown" in said(post(request("5a" + "00" * 14 + "01"))[2]), "an unused serial")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", work / "k.pem", "-out", work / "evil.pem", "-subj",
            "/C=CN/O=evil", "-days", "30")
    equal(error_of(post(request("01", issuer=work / "evil.pem"))[2]), 6, "a foreign issuer: unauthorized")


def malformed_and_oversize():
    good = request(state["serial"])
    for bad in (b"\x30\x03abc", good[:-1], good + b"\0", b"\xff" * 200):
        equal(error_of(post(bad)[2]), 1, "malformedRequest")
    equal(error_of(p.get(state["ocsp"] + "/" + "A" * 64)[2]), 1, "malformed by GET")
    equal(error_of(p.get(state["ocsp"] + "/!!!")[2]), 1, "no base64")
    equal(post(b"\x30" * 9000)[0], 413, "oversize")
    equal(p.get(state["ocsp"], good, "text/plain")[0], 415, "another media type")
    equal(p.get(state["ocsp"] + "/" + "A" * 9000)[0] in (400, 414, 431), True, "an oversize path")


def half_closed_and_slow():
    """Who has said all and closes that half still gets the answer; who drips keeps nobody else waiting."""
    q = state["q"]
    head = f"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: {MEDIA}\r\nContent-Length: {len(q)}\r\n\r\n".encode()
    with socket.create_connection(place(), 60) as s:
        s.sendall(head + q)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    check(got.startswith(b"HTTP/1.1 200"), "an answer to a half-closed connection")
    slow = [socket.create_connection(place(), 60) for _ in range(50)]
    for s in slow:
        s.sendall(head[:20])
    check("revoked" in said(post(q)[2]), "others are served")
    for s in slow:
        s.sendall(head[20:30])
        s.close()


def ten_thousand_idle():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit[0], min(limit[1], IDLE + 1000)), limit[1]))
    count = min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    idle = []
    try:
        for _ in range(count):
            idle.append(socket.create_connection(place(), 60))
        for _ in range(20):
            check("revoked" in said(post(state["q"])[2]), "served beside the idle")
        print(f"beside {len(idle)} idle connections")
    finally:
        for s in idle:
            s.close()


def a_clock_set_back():
    """What was signed in what is now the future is not given again."""
    def produced():
        text = said(post(state["q"])[2])
        return next(line for line in text.splitlines() if "Produced At" in line)
    before = produced()
    p.cli("clock", "step", "-7200", "--data", p.data)
    check(produced() != before, "an answer from the future")
    p.cli("clock", "step", "+7200", "--data", p.data)
    until("answers again", lambda: "revoked" in said(post(state["q"])[2]))


def judges_on_both_branches():
    """OpenSSL and GnuTLS with and without a nonce on the P-256 branch."""
    w = p.new_request(work / "p256", "web", kind="p256")
    data = {"identity": {"name": "p256.example.gov.cn", "dns": ["p256.example.gov.cn"], "organisation": "示范市数据管理局"},
            "purpose": "门户网站", "region": "350100", "agreement": {"version": "1", "accepted": True}}
    (w / "application.json").write_text(json.dumps(data, ensure_ascii=False))
    p.issue(w, profile="server", evidence="domain-control")
    for nonce in ("-nonce", "-no_nonce", "-no_nonce"):
        out = openssl("ocsp", "-issuer", p.ca("ecdsa"), "-cert", w / "sign.pem", "-CAfile", p.ca("root-ecdsa"), nonce,
                      "-verify_other", p.ca("ecdsa"), "-url", state["ocsp"])
        check(b"Response verify OK" in out.stderr and b": good" in out.stdout, out.stderr.decode())
    for nonce in ((), ("--nonce",)):
        out = run("ocsptool", "--ask=" + state["ocsp"], "--load-issuer", p.ca("ecdsa"), "--load-cert", w / "sign.pem",
                  "--load-trust", p.ca("ecdsa"), *nonce, status=None)
        text = out.stdout.decode() + out.stderr.decode()
        check("Certificate Status: good" in text and "Verifying OCSP Response: Success" in text, text)


def a_store_is_made_anew_while_it_serves():
    ending, failures = threading.Event(), []

    def ask():
        while not ending.is_set():
            try:
                answer = post(state["q"])[2]
                if error_of(answer) != 0 or "revoked" not in said(answer):
                    failures.append(answer)
            except (OSError, http.client.HTTPException) as e:
                failures.append(e)

    asker = threading.Thread(target=ask)
    asker.start()
    p.cli("status", "rebuild", "--data", p.data, "--wait")
    ending.set()
    asker.join()
    equal(failures, [], "answers during the rebuild")


def a_damaged_store_is_found_and_made_anew():
    """Point 6 of the order: a flipped bit in the segment, rows that somebody changed in the database."""
    p.stop()
    segment = p.data / "shifan/status/status.segment"
    data = bytearray(segment.read_bytes())
    data[30] ^= 4
    segment.write_bytes(data)
    if "YD_TEST_DB" not in os.environ:
        db = sqlite3.connect(p.data / "shifan/status/data.db")
        db.execute("UPDATE certificate SET revoked_at = NULL, reason = NULL")
        db.commit()
        db.close()
    p.start()
    state["ocsp"] = p.url("shifan/status", "public") + "/ocsp"
    until("the damage is told", lambda: "segment is damaged" in p.tail(400))
    p.cli("status", "rebuild", "--data", p.data, "--wait")
    until("revoked again", lambda: "keyCompromise" in said(post(state["q"])[2]))


def ends():
    equal(p.stop(), 0, "exit status of up")
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


try:
    main([starts, kept_answers_are_one_signature_until_the_revocation, judges_on_both_branches,
          a_revocation_replaces_them_at_once, forged_and_foreign, malformed_and_oversize, half_closed_and_slow,
          ten_thousand_idle, a_clock_set_back, a_store_is_made_anew_while_it_serves, a_damaged_store_is_found_and_made_anew,
          ends])
finally:
    if p.process:
        p.process.kill()
