#!/usr/bin/env python3
"""Proves the ceremony: a plan gives a running platform, its objects verify with OpenSSL link by link, keys at rest
are unreadable, a CSR for a CA key goes out and a certificate from another root comes in, RSA as the second branch."""
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))


def plan(change):
    p = json.loads((ROOT / "plans/demo.json").read_text())
    change(p)
    path = work / "plan.json"
    path.write_text(json.dumps(p, ensure_ascii=False))
    return path


def certificates_of_a_ceremony_verify():
    data = work / "plain"
    run(BINARY, "ceremony", "--plan", plan(lambda p: None), "--data", data)
    ca = data / "demo/ca"
    for f in ca.glob("*.pem"):
        cert = der(f)
        text = openssl("x509", "-in", f, "-noout", "-text").stdout.decode()
        check("CA:TRUE" in text and "Certificate Sign" in text, f"{f.name} is a CA")
        name = openssl("x509", "-in", f, "-noout", "-issuer", "-nameopt", "RFC2253").stdout.split(b"=", 1)[1]
        issuer = next(i for i in ca.glob("*.der") if openssl("x509", "-inform", "DER", "-in", i, "-noout", "-subject",
                      "-nameopt", "RFC2253").stdout.split(b"=", 1)[1] == name)
        verify_signed(cert, issuer.read_bytes(), work)
    openssl("verify", "-CAfile", ca / "root-ecdsa.pem", ca / "ecdsa.pem")
    verify_link(ca / "sm2.pem", ca / "root.pem")
    for key in data.rglob("signer/keys/*.key"):
        blob = key.read_bytes()
        check(b"PRIVATE KEY" not in blob, f"{key} is wrapped")
        openssl("pkey", "-inform", "DER", "-in", key, "-noout", status=1)
    run(BINARY, "ceremony", "--plan", work / "plan.json", "--data", data, status=5)


def a_bad_plan_makes_nothing():
    for name, change in (("unknown member", lambda p: p.update(surprise=1)),
                         ("no organisations", lambda p: p.pop("organisations"))):
        data = work / "bad"
        q = run(BINARY, "ceremony", "--plan", plan(change), "--data", data, status=None)
        check(q.returncode in (1, 2), f"{name}: exit {q.returncode}")
        check(not (data / "platform.json").exists(), f"{name}: nothing is made")


def rsa_as_the_second_branch():
    def change(p):
        for a in p["authorities"]:
            if a["algorithm"] == "ecdsa-p256" and a["id"] in ("root-ecdsa", "ecdsa"):
                a["algorithm"] = "rsa-3072"
    data = work / "rsa"
    run(BINARY, "ceremony", "--plan", plan(change), "--data", data)
    ca = data / "demo/ca"
    out = openssl("x509", "-in", ca / "ecdsa.pem", "-noout", "-text").stdout.decode()
    check("Public-Key: (3072 bit)" in out and "sha256WithRSAEncryption" in out, "RSA-3072")
    openssl("verify", "-CAfile", ca / "root-ecdsa.pem", ca / "ecdsa.pem")


def a_real_national_root_signs_our_ca():
    """A CSR for the CA key goes out, a certificate from another root (made by OpenSSL) comes in."""
    def change(p):
        p["authorities"] = [a for a in p["authorities"] if a["id"] != "root"]
        for a in p["authorities"]:
            if a["id"] == "sm2":
                a["issuer"] = "external"
    data = work / "external"
    run(BINARY, "ceremony", "--plan", plan(change), "--data", data, status=6)
    csr = data / "requests/sm2.csr"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", work / "nr.key")
    openssl("req", "-new", "-x509", "-sm3", "-utf8", "-key", work / "nr.key", "-subj", "/C=CN/CN=国家根", "-days", "7300", "-sigopt",
            DISTID, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-out", work / "nr.pem")
    (work / "ext").write_text("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
                              "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    openssl("x509", "-req", "-sm3", "-in", csr, "-CA", work / "nr.pem", "-CAkey", work / "nr.key", "-set_serial", "0x1234567890abcdef12",
            "-days", "3650", "-extfile", work / "ext", "-sigopt", DISTID, "-vfyopt", DISTID, "-out", work / "sm2.pem")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", work / "other.key")
    openssl("req", "-new", "-x509", "-sm3", "-key", work / "other.key", "-subj", "/CN=other", "-sigopt", DISTID, "-out", work / "other.pem")
    for name in ("other", "sm2"):
        (work / f"{name}-chain.pem").write_text((work / f"{name}.pem").read_text() + (work / "nr.pem").read_text())
    q = run(BINARY, "ceremony", "--data", data, "--install", work / "other-chain.pem", status=None)
    check(q.returncode != 0, "a certificate for another key is refused")
    run(BINARY, "ceremony", "--data", data, "--install", work / "sm2-chain.pem")
    equal(der(data / "demo/ca/sm2.pem"), der(work / "sm2.pem"), "the installed certificate")
    with Platform(data=data) as p:
        w = p.new_request(work / "person")
        p.issue(w)
        verify_link(w / "sign.pem", work / "sm2.pem")
        verify_link(work / "sm2.pem", work / "nr.pem")


def ends():
    shutil.rmtree(work)


main([certificates_of_a_ceremony_verify, a_bad_plan_makes_nothing, rsa_as_the_second_branch, a_real_national_root_signs_our_ca, ends])
