#!/usr/bin/env python3
"""Proves that strangers accept what is issued (R02.5, R06.15): Bouncy Castle takes the SM2 chain, CRL
and OCSP answers, GnuTLS the P-256 branch; each profile and both classes; organisation and server pairs."""
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
JARS = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar"
platform = Platform().start()


def judge(*argv, status=0):
    return run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Judge", *argv, status=status)


def compiles_the_judge():
    run("javac", "-cp", JARS, "-d", work, ROOT / "tests/judges/Judge.java")


CASES = {
    "person-gov": ("person", "GOV", person("张三丰", 2), "identity-document"),
    "person-public": ("person", "PUBLIC", person("𠮷田一郎", 3), "identity-document"),
    "organisation": ("organisation", "PUBLIC", {
        "identity": {"name": "示范市数据管理局", "code": credit_code("91350100M000100Y4"), "province": "福建省",
                     "agent": agent()},
        "purpose": "公文签章", "region": "350100", "agreement": {"version": "1", "accepted": True}}, ORGANISATION),
    "server": ("server", "GOV", {
        "identity": {"name": "www.example.gov.cn", "dns": ["www.example.gov.cn", "example.gov.cn"],
                     "organisation": "示范市数据管理局"},
        "purpose": "门户网站", "region": "350100", "agreement": {"version": "1", "accepted": True}}, "domain-control"),
}


def issues_every_profile():
    for name, (profile, cls, data, evidence) in CASES.items():
        w = platform.new_request(work / name, data["identity"]["name"][:20])
        (w / "application.json").write_text(json.dumps(data, ensure_ascii=False))
        platform.issue(w, profile=profile, cls=cls, evidence=evidence)
        for f in ("sign", "enc"):
            verify_link(w / f"{f}.pem", platform.ca("sm2"))
    text = openssl("x509", "-in", work / "server/enc.pem", "-noout", "-text").stdout.decode()
    check("DNS:www.example.gov.cn" in text and "TLS Web Server Authentication" in text, "server: SAN and EKU on both")


def bouncy_castle_accepts_the_sm2_chain():
    for name in CASES:
        for f in ("sign.pem", "enc.pem"):
            out = judge("chain", work / name / f, platform.ca("sm2", "der"), platform.ca("root", "der")).stdout.decode()
            equal(out.count("1.2.156.10197.1.501"), 3, "three SM2 signatures")
    cert = bytearray(der(work / "person-gov/sign.pem"))
    cert[len(cert) // 2] ^= 1
    (work / "bad.der").write_bytes(cert)
    judge("chain", work / "bad.der", platform.ca("sm2", "der"), platform.ca("root", "der"), status=1)


def bouncy_castle_accepts_crl_and_ocsp():
    serial = serial_of(work / "person-gov/sign.pem")
    platform.as_("review", "revoke", f"sm2/{serial}", "--reason", "cessationOfOperation")
    until = time.monotonic() + 60
    while True:
        (work / "a.crl").write_bytes(platform.get(platform.endpoints["public"]["crl"] + "/sm2.crl")[2])
        out = judge("crl", work / "a.crl", platform.ca("sm2", "der")).stdout.decode()
        if out.strip() == "crl entries 2":  # both of the pair: so says the CPS of the demonstration
            break
        check(time.monotonic() < until, "CRL with the entries: " + out)
    for name, want, nonce in (("person-gov", "revoked", "-nonce"), ("person-public", "good", "-nonce"),
                              ("person-gov", "revoked", "-no_nonce"), ("person-public", "good", "-no_nonce"),
                              ("person-public", "good", "-no_nonce")):
        serial = serial_of(work / name / "sign.pem")
        openssl("ocsp", "-sm3", nonce, "-issuer", platform.ca("sm2"), "-serial", "0x" + serial, "-reqout", work / "q.der")
        (work / "a.der").write_bytes(platform.get(platform.endpoints["public"]["ocsp"], (work / "q.der").read_bytes(),
                                                  "application/ocsp-request")[2])
        out = judge("ocsp", work / "a.der", platform.ca("sm2", "der")).stdout.decode()
        equal(out.strip(), f"{serial} {want}", "Bouncy Castle reads the answer")


def gnutls_accepts_the_p256_branch():
    w = platform.new_request(work / "p256", "web", kind="p256")
    data = json.loads(json.dumps(CASES["server"][2]).replace("example.gov.cn", "p256.example.gov.cn"))
    (w / "application.json").write_text(json.dumps(data, ensure_ascii=False))
    platform.issue(w, profile="server", evidence="domain-control")
    check(not (w / "enc.pem").exists(), "a P-256 key gets one certificate")
    chain = (w / "sign.pem").read_text() + platform.ca("ecdsa").read_text() + platform.ca("root-ecdsa").read_text()
    (w / "all.pem").write_text(chain)
    out = run("certtool", "--verify", "--load-ca-certificate", platform.ca("root-ecdsa"), "--infile", w / "all.pem")
    check(b"Chain verification output: Verified" in out.stdout, out.stdout.decode())
    openssl("verify", "-CAfile", platform.ca("root-ecdsa"), "-untrusted", platform.ca("ecdsa"), w / "sign.pem")
    crl = platform.get(platform.endpoints["public"]["crl"] + "/ecdsa.crl")[2]
    (w / "e.crl").write_text(pem("X509 CRL", crl))
    run("certtool", "--verify-crl", "--load-ca-certificate", platform.ca("ecdsa"), "--infile", w / "e.crl")
    out = run("ocsptool", "--ask=" + platform.endpoints["public"]["ocsp"], "--load-issuer", platform.ca("ecdsa"),
              "--load-cert", w / "sign.pem", "--load-trust", platform.ca("ecdsa"), "--nonce", status=None)
    text = out.stdout.decode() + out.stderr.decode()
    check("Certificate Status: good" in text and "Verifying OCSP Response: Success" in text, text)
    out = openssl("ocsp", "-issuer", platform.ca("ecdsa"), "-cert", w / "sign.pem", "-CAfile", platform.ca("root-ecdsa"),
                  "-verify_other", platform.ca("ecdsa"), "-url", platform.endpoints["public"]["ocsp"])
    check(b"Response verify OK" in out.stderr, out.stderr.decode())


def small_rsa_is_refused_and_rsa_3072_has_no_authority_here():
    w = work / "rsa"
    w.mkdir()
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", w / "sign.key")
    openssl("req", "-new", "-key", w / "sign.key", "-subj", "/CN=rsa", "-out", w / "sign.csr")
    (w / "application.json").write_text(json.dumps(person("赵六", 4), ensure_ascii=False))
    (w / "id.png").write_bytes(b"evidence")
    platform.apply(w, status=1)


def ends():
    equal(platform.stop(), 0, "exit status")
    shutil.rmtree(platform.data)
    shutil.rmtree(work)


main([compiles_the_judge, issues_every_profile, bouncy_castle_accepts_the_sm2_chain,
      bouncy_castle_accepts_crl_and_ocsp, gnutls_accepts_the_p256_branch,
      small_rsa_is_refused_and_rsa_3072_has_no_authority_here, ends])
