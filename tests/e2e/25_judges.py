#!/usr/bin/env python3
"""Proves that strangers accept what is issued, in numbers (R02.5, R06.15): JUDGED certificates (default 60,
1,000 in the soak) of every open profile, each class, by the SM2 and the P-256 authority, through the doors; a third of
the holders is revoked.  OpenSSL and Bouncy Castle judge each chain, each list and an OCSP answer for each certificate;
GnuTLS all of P-256.  With any byte changed no certificate verifies unless what is signed is unchanged."""
import concurrent.futures
import itertools
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from applicants import application_of, evidence_of, open_profiles  # noqa: E402
from yuandian import *  # noqa: E402,F403

JUDGED = int(os.environ.get("JUDGED", "60"))
CLERKS = 4
JARS = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar"
AUTHORITY = {"sm2": "sm2", "p256": "ecdsa"}
ROOT_OF = {"sm2": "root", "p256": "root-ecdsa"}
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
certificates = []  # (path, kind, serial, holder)
revoked = set()    # holders


def of_kind(kind):
    return [c for c in certificates if c[1] == kind]


def chunks(items, size=200):
    return [items[i:i + size] for i in range(0, len(items), size)]


def judge(*argv):
    return run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Judge", *argv).stdout.decode()


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
        return list(pool.map(function, items))


def holder(case):
    n, (pid, profile, cls, kind) = case
    w = platform.new_request(work / f"h{n}", "applicant", kind=kind)
    (w / "application.json").write_text(json.dumps(application_of(profile, n + 1), ensure_ascii=False))
    platform.issue(w, profile=pid, cls=cls, evidence=evidence_of(profile))
    files = [w / "sign.pem"] + ([w / "enc.pem"] if kind == "sm2" else [])
    return [(f, kind, serial_of(f), n) for f in files]


def issues_every_profile():
    """Once around all cases at least, then until there are enough."""
    run("javac", "-cp", JARS, "-d", work, ROOT / "tests/judges/Judge.java")
    profiles = open_profiles()
    check(len(profiles) >= 13, f"open profiles: {sorted(profiles)}")
    around = [(pid, p, cls, kind) for kind in ("sm2", "p256") for pid, p in profiles.items() for cls in p["classes"]]
    want = max(JUDGED, sum(2 if c[3] == "sm2" else 1 for c in around))
    cases, count = [], 0
    for case in itertools.cycle(around):
        cases.append(case)
        count += 2 if case[3] == "sm2" else 1
        if count >= want:
            break
    for found in in_parallel(holder, list(enumerate(cases))):
        certificates.extend(found)
    check(len(certificates) >= JUDGED, f"{len(certificates)} certificates")
    equal(len({(c[1], c[2]) for c in certificates}), len(certificates), "serials, each once")
    print(f"   {len(certificates)} certificates of {len(profiles)} profiles")


def revokes_a_third():
    chosen = [c for c in certificates if c[0].name == "sign.pem" and c[3] % 3 == 0]

    def revoke(c):
        platform.as_("review", "revoke", f"{AUTHORITY[c[1]]}/{c[2]}", "--reason", "superseded")
        return c[3]
    revoked.update(in_parallel(revoke, chosen))


def chains_by_openssl():
    """SM2 link by link: OpenSSL gives the standard id to the first certificate of a chain only."""
    verify_link(platform.ca("sm2"), platform.ca("root"))
    trust = {"sm2": ["-vfyopt", DISTID, "-partial_chain", "-CAfile", platform.ca("sm2")],
             "p256": ["-CAfile", platform.ca("root-ecdsa"), "-untrusted", platform.ca("ecdsa")]}
    for kind, options in trust.items():
        for some in chunks(of_kind(kind)):
            out = openssl("verify", *options, *[c[0] for c in some]).stdout.decode()
            equal(out.count(": OK\n"), len(some), f"chains that OpenSSL takes, {kind}")


def chains_by_bouncy_castle():
    for kind, ca in AUTHORITY.items():
        judge("chain", of_kind(kind)[0][0], platform.ca(ca, "der"), platform.ca(ROOT_OF[kind], "der"))
        for some in chunks(of_kind(kind)):
            rows = judge("leaves", platform.ca(ca, "der"), *[c[0] for c in some]).splitlines()
            equal(len(rows), len(some), f"certificates that Bouncy Castle takes, {kind}")


def chains_by_gnutls():
    def one(c):
        chain = c[0].with_suffix(".chain")
        chain.write_text(c[0].read_text() + platform.ca("ecdsa").read_text() + platform.ca("root-ecdsa").read_text())
        out = run("certtool", "--verify", "--load-ca-certificate", platform.ca("root-ecdsa"), "--infile", chain).stdout
        check(b"Chain verification output: Verified" in out, f"{c[0]}: {out.decode()}")
    in_parallel(one, of_kind("p256"))


def lists_by_all_three():
    for kind, ca in AUTHORITY.items():
        want = {c[2] for c in of_kind(kind) if c[3] in revoked}
        until = time.monotonic() + 60
        while True:
            body = platform.get(platform.endpoints["public"]["crl"] + f"/{ca}.crl")[2]
            (work / f"{ca}.crl").write_bytes(body)
            (work / f"{ca}.crl.pem").write_text(pem("X509 CRL", body))
            text = openssl("crl", "-in", work / f"{ca}.crl.pem", "-noout", "-text").stdout.decode()
            listed = {s.lower().lstrip("0") for s in re.findall(r"Serial Number: ([0-9A-F]+)", text)}
            if listed == want:
                break
            check(time.monotonic() < until, f"{ca}: {len(listed)} listed, {len(want)} revoked")
            time.sleep(0.2)
        verify_signed(body, der(platform.ca(ca)), work)
        equal(set(judge("listed", work / f"{ca}.crl", platform.ca(ca, "der")).split()), want, f"{ca}: as Bouncy Castle reads it")
    openssl("crl", "-in", work / "ecdsa.crl.pem", "-noout", "-CAfile", platform.ca("ecdsa"))
    run("certtool", "--verify-crl", "--load-ca-certificate", platform.ca("ecdsa"), "--infile", work / "ecdsa.crl.pem")
    for c in of_kind("p256"):
        out = openssl("verify", "-crl_check", "-CRLfile", work / "ecdsa.crl.pem", "-CAfile", platform.ca("root-ecdsa"),
                      "-untrusted", platform.ca("ecdsa"), c[0], status=None)
        equal(b"certificate revoked" in out.stderr, c[3] in revoked, f"{c[0]} with the list")
        equal(out.returncode == 0, c[3] not in revoked, f"{c[0]} with the list")


def answers_by_all():
    def ask(c):
        ca = AUTHORITY[c[1]]
        digest = ["-sm3"] if c[1] == "sm2" else []
        openssl("ocsp", *digest, "-issuer", platform.ca(ca), "-serial", "0x" + c[2], "-no_nonce", "-reqout",
                c[0].with_suffix(".q"))
        status, _, answer = platform.get(platform.endpoints["public"]["ocsp"], c[0].with_suffix(".q").read_bytes(),
                                         "application/ocsp-request")
        equal(status, 200, f"OCSP of {c[0]}")
        c[0].with_suffix(".a").write_bytes(answer)
        want = "revoked" if c[3] in revoked else "good"
        trust = ["-CAfile", platform.ca("root-ecdsa"), "-verify_other", platform.ca("ecdsa")] if c[1] == "p256" else ["-noverify"]
        out = openssl("ocsp", *digest, "-issuer", platform.ca(ca), "-serial", "0x" + c[2], "-respin",
                      c[0].with_suffix(".a"), "-no_nonce", *trust)
        check(f": {want}" in out.stdout.decode(), f"OpenSSL on the answer for {c[0]}: {out.stdout.decode()}")
        check(c[1] == "sm2" or b"Response verify OK" in out.stderr, out.stderr.decode())
        if c[1] == "p256":
            gnutls = run("ocsptool", "--response-info", "--infile", c[0].with_suffix(".a")).stdout.decode()
            check(f"Certificate Status: {want}" in gnutls, gnutls)
    in_parallel(ask, certificates)
    for kind, ca in AUTHORITY.items():
        for some in chunks(of_kind(kind)):
            rows = judge("ocsp", *[c[0].with_suffix(".a") for c in some], platform.ca(ca, "der")).splitlines()
            equal(rows, [f"{c[2]} {'revoked' if c[3] in revoked else 'good'}" for c in some], "as Bouncy Castle reads them")


def no_changed_byte_passes():
    for kind, ca in AUTHORITY.items():
        out = judge("flips", platform.ca(ca, "der"), of_kind(kind)[0][0]).split()
        check(int(out[0]) > 300 and int(out[1]) == 0, f"{kind}: bytes changed, taken with other content: {out}")


def ends():
    equal(platform.stop(), 0, "exit status")
    shutil.rmtree(platform.data)
    shutil.rmtree(work)


platform = Platform().start()
main([issues_every_profile, revokes_a_third, chains_by_openssl, chains_by_bouncy_castle, chains_by_gnutls,
      lists_by_all_three, answers_by_all, no_changed_byte_passes, ends])
