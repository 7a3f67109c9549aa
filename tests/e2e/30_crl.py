#!/usr/bin/env python3
"""Proves R21.9, R21.6, R21.7 and R05.4 for lists: full and delta lists that OpenSSL joins (-use_deltas) on the ECDSA
branch and Bouncy Castle reads on the SM2 branch; a hold appears and leaves; a list when an operator asks."""
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
JARS = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar"
platform = Platform().start()
state = {}


def fetch(name, file=None):
    status, _, body = platform.get(platform.endpoints["public"]["crl"] + f"/{name}.crl")
    if status != 200:
        return b""
    if file is not None:
        (work / file).write_text(pem("X509 CRL", body))
    return body


def text(crl):
    return openssl("crl", "-inform", "DER", "-noout", "-text", input=crl).stdout.decode() if crl else ""


def number(crl, field="X509v3 CRL Number"):
    lines = text(crl).splitlines()
    return next((int(lines[i + 1].strip(), 0) for i, line in enumerate(lines) if field in line), -1)


def build(ca):
    return int(platform.as_("ca-operator", "crl", "build", ca).stdout)


def until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.05)


def an_operator_asks_for_a_list():
    first = build("ecdsa")
    check(build("ecdsa") > first, "the number rises")
    platform.as_("auditor", "crl", "build", "ecdsa", status=3)
    until(lambda: number(fetch("ecdsa", "old.pem")) > first, "the list is served")
    check("X509v3 Freshest CRL" in text(fetch("ecdsa")) and "ecdsa-delta.crl" in text(fetch("ecdsa")), "names its delta list")


def issues():
    w = platform.new_request(work / "p256", "web", kind="p256")
    data = {"identity": {"name": "p256.example.gov.cn", "dns": ["p256.example.gov.cn"], "organisation": "示范市数据管理局"},
            "purpose": "门户网站", "region": "350100", "agreement": {"version": "1", "accepted": True}}
    (w / "application.json").write_text(json.dumps(data, ensure_ascii=False))
    platform.issue(w, profile="server", evidence="domain-control")
    state["serial"] = serial_of(w / "sign.pem")


def judged(*lists):
    """What OpenSSL says of the certificate with these lists."""
    files = [x for name in lists for x in ("-CRLfile", work / name)]
    out = openssl("verify", "-crl_check", "-use_deltas", "-CAfile", platform.ca("root-ecdsa"), "-untrusted",
                  platform.ca("ecdsa"), *files, work / "p256/sign.pem", status=None)
    said = (out.stdout + out.stderr).decode()
    return "good" if ": OK" in said else "revoked" if "certificate revoked" in said else said


def openssl_joins_full_and_delta():
    fetch("ecdsa", "full0.pem")
    equal(judged("full0.pem"), "good", "before")
    base = number(fetch("ecdsa"))
    platform.as_("review", "revoke", f"ecdsa/{state['serial']}", "--reason", "certificateHold")
    listed = lambda crl: state["serial"].upper() in text(crl)  # noqa: E731
    until(lambda: listed(fetch("ecdsa-delta", "delta1.pem")), "the delta list has the hold")
    delta = fetch("ecdsa-delta")
    check("X509v3 Delta CRL Indicator: critical" in text(delta), "critical indicator")
    check(number(delta) > number(delta, "Delta CRL Indicator"), "base below")
    if number(delta, "Delta CRL Indicator") <= base:
        equal(judged("full0.pem", "delta1.pem"), "revoked", "the old full list with the delta list")
    until(lambda: listed(fetch("ecdsa", "full1.pem")), "the full list has the hold")
    equal(judged("full1.pem"), "revoked", "the new full list alone")


def a_release_reaches_who_has_the_list_before():
    platform.as_("review", "revoke", f"ecdsa/{state['serial']}", "--reason", "removeFromCRL")
    until(lambda: "Remove From CRL" in text(fetch("ecdsa-delta", "delta2.pem")), "removeFromCRL")
    until(lambda: state["serial"].upper() not in text(fetch("ecdsa", "full2.pem")), "it left the full list")
    equal(judged("full2.pem"), "good", "after the release")
    pem_number = lambda name: number(der(work / name))  # noqa: E731
    if number(der(work / "delta2.pem"), "Delta CRL Indicator") <= pem_number("full1.pem"):
        equal(judged("full1.pem", "delta2.pem"), "good", "who has the list before, with the delta list")


def bouncy_castle_reads_the_sm2_lists():
    run("javac", "-cp", JARS, "-d", work, ROOT / "tests/judges/Judge.java")
    build("sm2")
    for name in ("sm2", "sm2-delta"):
        until(lambda: fetch(name), f"{name} is served")
        (work / "a.crl").write_bytes(fetch(name))
        out = run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Judge", "crl", work / "a.crl", platform.ca("sm2", "der"))
        check(b"crl entries" in out.stdout, out.stdout.decode())


def ends():
    equal(platform.stop(), 0, "exit status")
    shutil.rmtree(platform.data)
    shutil.rmtree(work)


main([an_operator_asks_for_a_list, issues, openssl_joins_full_and_delta, a_release_reaches_who_has_the_list_before,
      bouncy_castle_reads_the_sm2_lists, ends])
