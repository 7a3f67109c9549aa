#!/usr/bin/env python3
"""What is due happens by itself, once, whatever stops and starts between (design 5, 9.13; R06.13): certificates of
the OCSP responders and of the channels are renewed, standby keys refilled, lists made anew."""
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
p = Platform("--test-clock")
state = {}


def until(what, condition, limit=60):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.2)


def day(n):
    p.cli("clock", "step", f"+{n * 86400}", "--data", p.data)


def entries(instance, kind):
    """Entries of that kind in the log of an instance, by its auditor's door."""
    found, start = [], 0
    while True:
        _, answer = p.as_instance("shifan/status", instance, "GET", f"/v1/log/entries?from={start}&limit=1000")
        found += [e["entry"] for e in answer["entries"] if e["entry"]["kind"] == kind]
        start += len(answer["entries"])
        if start >= answer["size"]:
            return found


def responder():
    """Serial and end of the certificate in an answer that OpenSSL accepts."""
    out = work / "answer.der"
    ask_ocsp("-issuer", p.ca("sm2"), "-cert", state["a"] / "sign.pem", "-respout", out, "-no_nonce",
                "-url", p.url("shifan/status", "public") + "/ocsp", "-noverify")
    text = openssl("ocsp", "-respin", out, "-text", "-noverify").stdout.decode()
    certificate = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.S)[0]
    (work / "responder.pem").write_text(certificate)
    verify_link(work / "responder.pem", p.ca("sm2"))
    shown = openssl("x509", "-in", work / "responder.pem", "-noout", "-serial", "-enddate", "-pubkey", "-text").stdout.decode()
    check("OCSP Signing" in shown and "OCSP No Check" in shown, "extensions of a responder")
    return (re.search(r"serial=(\w+)", shown)[1], re.search(r"notAfter=(.*)", shown)[1],
            re.search(r"BEGIN PUBLIC KEY-----(.*?)-----END", shown, re.S)[1])


def answers_are_signed_by_this_responder():
    """OpenSSL over the raw bytes: the answer under the certificate in it, that one under the authority."""
    basic = contents(children(contents(children((work / "answer.der").read_bytes())[1]))[1])
    certificate = children(contents(children(basic)[3]))[0]
    verify_signed(certificate, p.ca("sm2", "der").read_bytes(), work)
    verify_signed(basic, certificate, work)


def standby():
    """Key pairs in the standby store, as the metric says."""
    text = p.get(p.url("keycentre/kmc", "management") + "/metrics")[2].decode()
    return int(float(re.search(r"kmc_standby_keys (\d\S*)", text, re.M)[1]))


def standby_keys_are_refilled():
    """R06.13: up to the set quantity when below the threshold, and no further, killed or not."""
    p.stop()
    with open(p.data / "keycentre/kmc/config.yaml", "a") as f:
        f.write("standby_keep: 2100\nstandby_fill: 2100\n")
    p.start()
    until("the store is not filled", lambda: standby() == 2100)
    p.as_("entry", "accept", p.issue(p.new_request(work / "b", name="李四")))
    until("the store is not refilled", lambda: standby() == 2100)
    p.process.kill()
    p.process.wait()
    p.process.stdout.close()
    p.log.close()
    p.start()
    until("the store is not refilled after a kill", lambda: standby() == 2100)


def channel():
    """Serial and end of the certificate with which the CA answers now."""
    import socket
    import urllib.parse
    url = urllib.parse.urlsplit(p.url("shifan/ca", "api"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(p.data / "demo/ca/shifan-tls.pem")
    with socket.create_connection((url.hostname, url.port)) as s, context.wrap_socket(s) as t:
        shown = openssl("x509", "-inform", "DER", "-noout", "-serial", "-startdate", "-enddate", "-checkend", str(6 * 86400),
                        input=t.getpeercert(True)).stdout.decode()
    return re.search(r"serial=(\w+)", shown)[1]


def channels_are_renewed():
    """Certificates of channels live a week by real time (design 5), so no stepped clock moves them: they are made
    anew at every start, and a step of years leaves the channel up."""
    before = channel()
    p.stop()
    p.start()
    check(channel() != before, "the same TLS certificate after a start")


def starts():
    p.start()
    state["a"] = work / "a"
    p.as_("entry", "accept", p.issue(p.new_request(work / "a")))
    state["first"] = responder()
    equal(entries("shifan/ca", "responder"), [], "responders that followed others")


def a_responder_is_followed_in_time():
    """R06.13: thirty days before its end; nothing before."""
    day(330)
    time.sleep(2)
    equal(len(entries("shifan/ca", "responder")), 0, "365 days, 330 gone")
    day(10)
    until("no responder certificate followed", lambda: len(entries("shifan/ca", "responder")) >= 2)
    until("answers go on with the old certificate", lambda: responder() != state["first"])
    now = responder()
    check(now[0] != state["first"][0] and now[2] == state["first"][2], "another serial number, the same key")
    state["second"] = now
    for e in entries("shifan/ca", "responder"):
        der = base64.b64decode(e["data"]["certificate"])
        check(e["data"]["by"] == "shifan/status" and len(der) > 100, "what the log says of it")


def once_over_restarts():
    """Ended in order, killed, started: none is made again."""
    p.stop()
    p.start()
    equal(responder(), state["second"], "the certificate after a restart")
    p.process.kill()
    p.process.wait()
    p.process.stdout.close()
    p.log.close()
    p.start()
    day(1)
    time.sleep(2)
    equal(responder(), state["second"], "the certificate after a kill")
    equal(len(entries("shifan/ca", "responder")), 2, "one for each authority")
    alarms = p.call("auditor", "GET", "/v1/alarms?open=true", instance="shifan/ca")[2]["alarms"]
    check(not any(a["kind"] == "responder-expiring" for a in alarms), f"alarms: {alarms}")


def strangers_get_no_responder():
    """Only the own status service, only for what is a responder's certificate."""
    def ask(instance, der):
        body = json.dumps({"certificate": base64.b64encode(der).decode()}).encode()
        return p.as_instance(instance, "shifan/ca", "POST", "/v1/responders", body, "application/json")
    old = der(work / "responder.pem")
    equal(ask("shifan/ra", old)[0], 403, "the RA asks")
    equal(ask("keycentre/kmc", old)[0], 403, "the KMC asks")
    equal(p.call("ca-operator", "POST", "/v1/responders", b"{}", "application/json", "shifan/ca")[0], 403, "an officer asks")
    before = len(entries("shifan/ca", "refused"))
    for name in ("sign.pem", "enc.pem"):
        status, answer = ask("shifan/status", der(state["a"] / name))
        check(status >= 400 and answer["code"] == "signer-content", f"{name}: {status} {answer}")
    forged = bytearray(old)
    forged[-1] ^= 1
    check(ask("shifan/status", bytes(forged))[0] >= 400, "a forged certificate")
    check(ask("shifan/status", old[:-5])[0] >= 400, "half a certificate")
    until("refusals are not logged", lambda: len(entries("shifan/ca", "refused")) >= before + 3)
    equal(len(entries("shifan/ca", "responder")), 2, "nothing was made")


def the_life_of_its_key_ends():
    """No certificate beyond it: then people are called."""
    for _ in range(3):
        day(345)
        until("the channel to the CA", lambda: p.get(p.url("shifan/status", "management") + "/readyz")[0] == 200)
        time.sleep(1)

    def told():
        alarms = p.as_instance("shifan/ca", "shifan/status", "GET", "/v1/alarms?open=true")[1]["alarms"]
        return any(a["kind"] == "responder-expiring" for a in alarms)
    until("no alarm at the end of the key's life", told, 90)


def ends():
    equal(p.stop(), 0, "exit status of up")
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


try:
    main([starts, standby_keys_are_refilled, channels_are_renewed, a_responder_is_followed_in_time, answers_are_signed_by_this_responder, once_over_restarts,
          strangers_get_no_responder, the_life_of_its_key_ends, ends])
finally:
    if p.process:
        p.process.kill()
