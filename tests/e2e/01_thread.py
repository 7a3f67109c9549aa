#!/usr/bin/env python3
"""Proves the main thread: from an empty machine to a dual SM2 certificate that OpenSSL accepts, and
its end.  R02.1 class in the certificate, R02.5 foreign verifier, R06.5 KMC-signed answer, R06.9 pair,
R06.10 envelope, R06.15 encoding, R21.2 acceptance, R21.6 revocation, R21.9 status, R30.4 two persons."""
import json
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
state = {}


def starts_from_nothing():
    state["p"] = p = Platform().start()
    schema = json.loads((ROOT / "docs/endpoints.schema.json").read_text())
    equal(p.endpoints["schema"], schema["properties"]["schema"]["const"], "schema of endpoints.json")
    for name in ("national/source", "keycentre/kmc", "shifan/ca", "shifan/ra", "shifan/status"):
        status, _, body = p.get(p.url(name, "management") + "/readyz")
        equal(status, 200, f"/readyz of {name}: {body}")
        status, _, body = p.get(p.url(name, "management") + "/livez")
        equal(status, 200, f"/livez of {name}")
        status, _, body = p.get(p.url(name, "management") + "/metrics")
        check(b"# TYPE " in body, f"/metrics of {name}")


def issues_a_pair():
    p = state["p"]
    w = p.new_request(work / "person")
    state["id"] = p.issue(w, fetch=["--key", w / "sign.key", "--pin-file", w / "pin"])
    for name in ("sign.pem", "enc.pem", "chain.pem", "response.der", "enc.env", "enc.key"):
        check((w / name).is_file(), f"fetch wrote {name}")
    equal((w / "enc.key").stat().st_mode & 0o777, 0o600, "mode of enc.key")


def openssl_verifies_link_by_link():
    p, w = state["p"], work / "person"
    verify_link(w / "sign.pem", p.ca("sm2"))
    verify_link(w / "enc.pem", p.ca("sm2"))
    verify_link(p.ca("sm2"), p.ca("root"))
    for cert in (w / "sign.pem", w / "enc.pem", p.ca("sm2"), p.ca("root")):
        issuer = p.ca("root", "der") if cert in (p.ca("sm2"), p.ca("root")) else p.ca("sm2", "der")
        verify_signed(der(cert), issuer.read_bytes(), work)
    # a test that expects failure fails for the right reason: without the id it must not verify (g.6, 3)
    openssl("verify", "-partial_chain", "-CAfile", p.ca("sm2"), w / "sign.pem", status=2)
    openssl("verify", "-partial_chain", "-vfyopt", DISTID, "-CAfile", p.ca("root"), w / "sign.pem", status=2)


def certificates_say_what_they_must():
    w = work / "person"
    sign = openssl("x509", "-in", w / "sign.pem", "-noout", "-text", "-nameopt", "utf8").stdout.decode()
    enc = openssl("x509", "-in", w / "enc.pem", "-noout", "-text", "-nameopt", "utf8").stdout.decode()
    for text in (sign, enc):
        check("CN = 张三" in text or "CN=张三" in text, "subject")
        check("1.3.6.1.4.1.32473.1.1" in text, "R02.1: class GOV as policy")
        check("1.2.156.10197.1.501" in text or "SM2-with-SM3" in text, "signature algorithm")
        check("Basic Constraints" not in text, "no basicConstraints in an end entity")
        check("urn:uuid:" in text, "opaque entity id")
        check("OCSP - URI:" in text and "CA Issuers - URI:" in text and ".crl" in text, "pointers")
    check("Digital Signature, Non Repudiation" in sign, "key usage of the signing certificate")
    check("Key Encipherment, Data Encipherment, Key Agreement" in enc, "key usage of the encryption certificate")
    subject = lambda f: openssl("x509", "-in", w / f, "-noout", "-subject", "-nameopt", "RFC2253,utf8").stdout
    equal(subject("sign.pem"), subject("enc.pem"), "both have the same subject")
    check(serial_of(w / "sign.pem") != serial_of(w / "enc.pem"), "serials differ")
    pub = lambda f: openssl("x509", "-in", w / f, "-noout", "-pubkey").stdout
    equal(pub("sign.pem"), openssl("pkey", "-in", w / "sign.key", "-pubout").stdout, "signing key is the applicant's")
    check(pub("sign.pem") != pub("enc.pem"), "R06.9: two keys")
    for f in ("sign.pem", "enc.pem"):
        n = int(serial_of(w / f), 16)
        check(n.bit_length() > 64 and n < 1 << 159, "R06.11: serial positive, more than 64 random bits")


def urls_in_certificates_answer():
    p, w = state["p"], work / "person"
    text = openssl("x509", "-in", w / "sign.pem", "-noout", "-text").stdout.decode()
    urls = re.findall(r"URI:(http\S+)", text)
    check(len(urls) >= 3, "three pointers")
    for url in urls:
        if url.endswith("/ocsp"):
            state["ocsp"] = url
        elif url.endswith(".crl"):
            state["crl"] = url
            status, headers, body = p.get(url)
            equal((status, headers["Content-Type"]), (200, "application/pkix-crl"), url)
            verify_signed(body, p.ca("sm2", "der").read_bytes(), work)
        else:
            status, headers, body = p.get(url)
            equal((status, headers["Content-Type"]), (200, "application/pkix-cert"), url)
            equal(body, p.ca("sm2", "der").read_bytes(), "CA certificate")
    text = openssl("x509", "-in", p.ca("sm2"), "-noout", "-text").stdout.decode()
    for url in re.findall(r"URI:(http\S+)", text):
        status, _, body = p.get(url)
        equal(status, 200, url)
        if url.endswith(".crl"):
            verify_signed(body, p.ca("root", "der").read_bytes(), work)


def openssl_alone_opens_the_envelope():
    """R06.10: SM2EnvelopedKey by SM2 decrypt and SM4-ECB, public half compared."""
    w = work / "person"
    algorithm, cipher, public, wrapped = children((w / "enc.env").read_bytes())
    (work / "cipher").write_bytes(cipher)
    key = openssl("pkeyutl", "-decrypt", "-inkey", w / "sign.key", "-in", work / "cipher").stdout
    equal(len(key), 16, "SM4 key")
    (work / "wrapped").write_bytes(contents(wrapped)[1:])
    d = openssl("enc", "-sm4-ecb", "-d", "-nopad", "-K", key.hex(), "-in", work / "wrapped").stdout[-32:]
    state["d"] = d
    # SEC1 key from the scalar alone: OpenSSL computes the public half
    sec1 = bytes.fromhex("3031020101" "0420") + d + bytes.fromhex("a00a0608" "2a811ccf5501822d")
    (work / "enc.sec1").write_bytes(sec1)
    got = openssl("ec", "-inform", "DER", "-in", work / "enc.sec1", "-pubout").stdout
    want = openssl("x509", "-in", w / "enc.pem", "-noout", "-pubkey").stdout
    equal(got, want, "public half of the delivered key")
    got = openssl("pkey", "-in", w / "enc.key", "-passin", "file:" + str(w / "pin"), "-pubout").stdout
    equal(got, want, "enc.key belongs to enc.pem")


def response_is_gmt0092():
    w = work / "person"
    parts = children((w / "response.der").read_bytes())
    check(der(w / "sign.pem") in children(parts[0]), "signCertificate set holds the signing certificate")
    equal([parts[1][0], parts[2][0]], [0xa0, 0xa1], "[0] key, [1] certificates")
    check(der(w / "enc.pem") in children(parts[2]), "encryptCertificate")


def accepts():
    p = state["p"]
    p.as_("entry", "accept", state["id"])
    status, _, body = p.call("entry", "GET", f"/v1/applications/{state['id']}")
    equal((status, body["state"]), (200, "accepted"), "R21.2: state after acceptance")
    p.as_("entry", "accept", state["id"], status=5)


def same_person_may_not_review():
    """R30.4, matrix: entry is not reviewer, also with a review role missing."""
    p = state["p"]
    w = p.new_request(work / "second", "李四")
    (w / "application.json").write_text(json.dumps(person("李四", 2), ensure_ascii=False))
    app = p.apply(w)
    p.as_("entry", "review", app, "--approve", status=3)
    p.as_("subscriber", "review", app, "--approve", status=3)
    p.as_("auditor", "review", app, "--approve", status=3)
    status, _, body = p.call("entry", "GET", f"/v1/applications/{app}")
    equal(body["state"], "entered", "nothing changed")
    p.as_("review", "review", app, "--refuse", "identity", "--reason", "证件照片不清晰")
    status, _, body = p.call("entry", "GET", f"/v1/applications/{app}")
    equal(body["state"], "refused", "refused")
    p.as_("entry", "fetch", app, "--out", w, status=5)
    p.as_("review", "review", app, "--approve", status=5)


def ocsp(p, issuer, serial, *more):
    return openssl("ocsp", "-issuer", issuer, "-serial", "0x" + serial, "-url", state["ocsp"], "-noverify", "-resp_text",
                   *more).stdout.decode()


def revokes_and_everybody_sees_it():
    p, w = state["p"], work / "person"
    serial = serial_of(w / "sign.pem")
    check("Cert Status: good" in ocsp(p, p.ca("sm2"), serial), "good before")
    check("Cert Status: unknown" in ocsp(p, p.ca("sm2"), "00" + "5a" * 16), "R21.9: unknown for never issued")
    before = openssl("crl", "-inform", "DER", "-noout", "-crlnumber", input=p.get(state["crl"])[2]).stdout
    p.as_("review", "revoke", f"sm2/{serial}", "--reason", "keyCompromise", "--only")
    started = time.monotonic()
    while "Cert Status: revoked" not in ocsp(p, p.ca("sm2"), serial):
        check(time.monotonic() - started < 60, "OCSP shows the revocation")
    print(f"   OCSP revoked {time.monotonic() - started:.2f} s after the answer (openssl start included)")
    check("keyCompromise" in ocsp(p, p.ca("sm2"), serial), "reason in OCSP")
    until = time.monotonic() + 60
    while serial not in openssl("crl", "-inform", "DER", "-noout", "-text",
                                input=p.get(state["crl"])[2]).stdout.decode().lower().replace(":", ""):
        check(time.monotonic() < until, "CRL shows the revocation")
        time.sleep(0.2)
    crl = p.get(state["crl"])[2]
    after = openssl("crl", "-inform", "DER", "-noout", "-crlnumber", input=crl).stdout
    check(int(after.split(b"=")[1], 16) > int(before.split(b"=")[1], 16), "CRL number rises")
    verify_signed(crl, p.ca("sm2", "der").read_bytes(), work)
    p.as_("review", "revoke", f"sm2/{serial}", "--reason", "superseded", status=5)
    p.as_("review", "revoke", "sm2/5a5a5a5a", "--reason", "superseded", status=4)
    status, _, body = p.get(p.endpoints["public"]["certificates"] + f"/sm2/{serial}")
    equal((status, json.loads(body)["status"]), (200, "revoked"), "query")
    equal(p.get(p.endpoints["public"]["certificates"] + "/sm2/5a5a")[0], 404, "query of an unknown serial")


def a_serial_with_a_leading_zero_is_revoked_like_any_other():
    """One in sixteen serials has an odd number of hex digits; it must pass every hop in the same form."""
    p = state["p"]
    for n in range(100):
        w = p.new_request(work / f"zero{n}", "零")
        (w / "application.json").write_text(json.dumps(person("零", 100 + n), ensure_ascii=False))
        p.issue(w)
        serials = [s for s in (serial_of(w / "sign.pem"), serial_of(w / "enc.pem")) if len(s) % 2]
        if serials:
            break
    p.as_("review", "revoke", f"sm2/{serials[0]}", "--reason", "superseded")
    until = time.monotonic() + 60
    while "Cert Status: revoked" not in ocsp(p, p.ca("sm2"), serials[0]):
        check(time.monotonic() < until, "OCSP shows the revocation of " + serials[0])
        time.sleep(0.1)
    while serials[0] not in openssl("crl", "-inform", "DER", "-noout", "-text", input=p.get(state["crl"])[2]
                                    ).stdout.decode().lower().replace(":", ""):
        check(time.monotonic() < until, "CRL shows the revocation of " + serials[0])
        time.sleep(0.1)


def ocsp_answers_verify():
    """Delegated responder: certificate from the CA with OCSPSigning, nonce echoed, three CertID hashes."""
    p, w = state["p"], work / "person"
    for digest in ("-sha1", "-sha256", "-sm3"):
        openssl("ocsp", digest, "-issuer", p.ca("sm2"), "-serial", "0x" + serial_of(w / "enc.pem"), "-reqout",
                work / "req.der")
        status, headers, body = p.get(state["ocsp"], (work / "req.der").read_bytes(), "application/ocsp-request")
        equal((status, headers["Content-Type"]), (200, "application/ocsp-response"), "OCSP " + digest)
        outer = children(body)
        equal(contents(outer[0]), b"\x00", "successful")
        basic = children(contents(outer[1]))[1]
        response = contents(basic)
        certs = children(response)[3]
        responder = children(contents(certs))[0]
        verify_signed(responder, p.ca("sm2", "der").read_bytes(), work)
        info = openssl("x509", "-inform", "DER", "-noout", "-text", input=responder).stdout.decode()
        check("OCSP Signing" in info and "OCSP No Check" in info, "responder certificate")
        verify_signed(response, responder, work)
        request_nonce = (work / "req.der").read_bytes()[-16:]
        check(request_nonce in body, "nonce echoed")
        (work / "resp.der").write_bytes(body)
        text = openssl("ocsp", "-respin", work / "resp.der", "-noverify", "-resp_text").stdout.decode()
        check("Cert Status: good" in text, "good by " + digest)
    import base64
    import urllib.parse
    path = urllib.parse.quote(base64.b64encode((work / "req.der").read_bytes()).decode(), safe="")
    status, _, body = p.get(state["ocsp"] + "/" + path)
    equal(status, 200, "OCSP by GET")
    check(body[:2] == b"\x30\x82" and contents(children(body)[0]) == b"\x00", "successful by GET")
    equal(contents(children(p.get(state["ocsp"], b"\x30\x03abc", "application/ocsp-request")[2])[0]), b"\x01",
          "malformedRequest")
    openssl("ocsp", "-issuer", p.ca("root"), "-serial", "0x01", "-reqout", work / "foreign.der")
    equal(contents(children(p.get(state["ocsp"], (work / "foreign.der").read_bytes(),
                                  "application/ocsp-request")[2])[0]), b"\x06", "unauthorized for a foreign issuer")


def our_own_verifier_agrees():
    p, w = state["p"], work / "person"
    p.cli("cert", "verify", w / "enc.pem", "--ca", p.ca("root"), "--chain", w / "chain.pem")
    p.cli("cert", "verify", w / "enc.pem", "--ca", p.ca("root-ecdsa"), "--chain", w / "chain.pem", status=8)
    (work / "now.crl").write_bytes(p.get(state["crl"])[2])
    p.cli("cert", "verify", w / "sign.pem", "--ca", p.ca("root"), "--chain", w / "chain.pem", "--crl", work / "now.crl",
          status=8)
    p.cli("crl", "verify", work / "now.crl", "--ca", p.ca("sm2"))
    p.cli("crl", "verify", work / "now.crl", "--ca", p.ca("root"), status=8)
    p.cli("csr", "verify", w / "sign.csr")
    p.cli("ocsp", "verify", work / "resp.der", "--ca", p.ca("sm2"))
    check(json.loads(p.cli("cert", "show", w / "sign.pem", "--json").stdout)["schema"], "--json carries its schema")
    p.cli("cert", "show", w / "nothing.pem", status=4)
    p.cli("cert", "frobnicate", status=2)


def ends_cleanly():
    equal(state["p"].stop(), 0, "exit status after SIGINT")


def goes_on_with_the_same_data():
    p = state["p"]
    p.start()
    w = work / "person"
    check("Cert Status: revoked" in ocsp(p, p.ca("sm2"), serial_of(w / "sign.pem")), "still revoked")
    w = p.new_request(work / "third", "王五")
    (w / "application.json").write_text(json.dumps(person("王五", 3), ensure_ascii=False))
    p.issue(w)
    verify_link(w / "sign.pem", p.ca("sm2"))
    equal(p.stop(), 0, "exit status")
    shutil.rmtree(p.data)
    shutil.rmtree(work)


main([starts_from_nothing, issues_a_pair, openssl_verifies_link_by_link, certificates_say_what_they_must,
      urls_in_certificates_answer, openssl_alone_opens_the_envelope, response_is_gmt0092, accepts,
      same_person_may_not_review, revokes_and_everybody_sees_it,
      a_serial_with_a_leading_zero_is_revoked_like_any_other, ocsp_answers_verify, our_own_verifier_agrees,
      ends_cleanly, goes_on_with_the_same_data])
