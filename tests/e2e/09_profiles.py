#!/usr/bin/env python3
"""Proves that every profile that is open to applicants is issued as it says (R02.1, R02.5, R21.1, R30.1, H02.2, H03.1): one of
each through the real platform, in each class and for SM2 and P-256 keys; OpenSSL and Bouncy Castle take the SM2 pairs,
OpenSSL and GnuTLS the P-256 certificates, each for its purposes; a trial shows beforehand what is issued afterwards;
numbers are in a certificate only when the application says so; bad input is refused by name and changes nothing."""
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from applicants import application_of, evidence_of, open_profiles  # noqa: E402
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
JARS = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar"
PURPOSES = {"serverAuth": "sslserver", "clientAuth": "sslclient", "emailProtection": "smimesign"}
EKU = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2", "emailProtection": "1.3.6.1.5.5.7.3.4"}
POLICY = {"GOV": "1.3.6.1.4.1.32473.1.1", "PUBLIC": "1.3.6.1.4.1.32473.1.2"}
PAIR = {"sign": "110000000", "enc": "001110000"}  # key usage, first bit first
profiles, issued, state = {}, {}, {"next": 0}


def read_profiles():
    profiles.update(open_profiles())
    check(len(profiles) >= 13, f"open profiles: {sorted(profiles)}")


def data_of(profile, **more):
    state["next"] += 1
    return application_of(profile, state["next"], **more)


kinds_of = evidence_of


def prepare(folder, profile, kind, **more):
    w = platform.new_request(work / folder, "applicant", kind=kind)
    (w / "application.json").write_text(json.dumps(data_of(profile, **more), ensure_ascii=False))
    return w


def issues_each_profile_in_each_class():
    cases = []
    for pid, profile in profiles.items():
        for n, cls in enumerate(profile["classes"]):
            cases.append((f"{pid}-{cls}", pid, cls, "sm2"))
            if n == 0:
                cases.append((f"{pid}-{cls}-p256", pid, cls, "p256"))
    for name, pid, cls, kind in cases:
        w = prepare(name, profiles[pid], kind)
        app = platform.apply(w, profile=pid, cls=cls, evidence=kinds_of(profiles[pid]))
        platform.as_("review", "review", app, "--approve")
        issued[name] = (app, pid, cls, kind)
    for name, (app, *_) in issued.items():
        platform.fetch(app, work / name)
    check(len(issued) >= 34, f"{len(issued)} applications")


def part_of(profile, file, kind):
    if file == "enc":
        return profile["encrypt"]
    return profile.get("single", profile["sign"]) if kind != "sm2" else profile["sign"]


def openssl_verifies_each_purpose():
    for name, (_, pid, cls, kind) in issued.items():
        for file in ("sign", "enc") if kind == "sm2" else ("sign",):
            cert, part = work / name / f"{file}.pem", part_of(profiles[pid], file, kind)
            if kind == "sm2":
                verify_link(cert, platform.ca("sm2"))
            for eku in part["extended"]:
                purpose = "smimeencrypt" if file == "enc" and eku == "emailProtection" else PURPOSES[eku]
                if file == "enc" and eku == "clientAuth":
                    continue  # a TLS client signs
                options = ["-vfyopt", DISTID, "-CAfile", platform.ca("sm2")] if kind == "sm2" else \
                    ["-CAfile", platform.ca("ecdsa")]
                openssl("verify", "-partial_chain", *options, "-purpose", purpose, cert)
            text = openssl("x509", "-in", cert, "-noout", "-text", "-nameopt", "utf8,sep_comma_plus").stdout.decode()
            check(POLICY[cls] in text and not POLICY["PUBLIC" if cls == "GOV" else "GOV"] in text, f"{name}: one class")
        check((work / name / "enc.pem").exists() == (kind == "sm2"), f"{name}: a pair for SM2 keys and for them only")


def bouncy_castle_takes_the_pairs():
    run("javac", "-cp", JARS, "-d", work, ROOT / "tests/judges/Judge.java")
    leaves = [work / n / f"{f}.pem" for n, v in issued.items() if v[3] == "sm2" for f in ("sign", "enc")]
    out = run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Judge", "leaves", platform.ca("sm2", "der"), *leaves).stdout.decode()
    rows = dict(line.split(" ", 1) for line in out.splitlines())
    equal(len(rows), len(leaves), "certificates judged")
    for path, row in rows.items():
        usage, ekus, *numbers = row.split(" ")
        name, file = path.split("/")
        part = part_of(profiles[issued[name][1]], file[:-4], "sm2")
        equal(usage, PAIR[file[:-4]], f"{path}: key usage")
        equal(ekus, ",".join(EKU[e] for e in part["extended"]), f"{path}: extended key usage")
        equal(numbers, ["-", "-", "-"], f"{path}: shows no number")


def gnutls_takes_the_p256_certificates():
    equal(sum(v[3] == "p256" for v in issued.values()), len(profiles), "P-256 certificates")
    for name, (*_, kind) in issued.items():
        if kind == "p256":
            w = work / name
            (w / "all.pem").write_text((w / "sign.pem").read_text() + platform.ca("ecdsa").read_text()
                                       + platform.ca("root-ecdsa").read_text())
            out = run("certtool", "--verify", "--load-ca-certificate", platform.ca("root-ecdsa"), "--infile", w / "all.pem")
            check(b"Chain verification output: Verified" in out.stdout, f"{name}: {out.stdout.decode()}")


def a_trial_says_what_is_issued():
    """Everything but key, issuer, serial, times, entity and addresses."""
    def facts(o):
        o = {k: o.get(k) for k in ("subject", "key_usage", "purposes", "names", "policies", "critical")}
        o["names"] = [n for n in o["names"] or [] if "urn:uuid" not in n]
        return o
    for name, (_, pid, cls, kind) in issued.items():
        trial = json.loads(run(BINARY, "profile", "try", work / name / "application.json", "--profile", pid, "--class", cls,
                               "--key", kind, "--json").stdout)
        for file, part in (("sign", "sign"), ("enc", "encrypt")) if kind == "sm2" else (("sign", "single"),):
            real = json.loads(run(BINARY, "cert", "show", work / name / f"{file}.pem", "--json").stdout)["objects"][0]
            equal(facts(real), facts(trial[part]), f"{name}: {file}")


def numbers_only_when_asked_for():
    w = prepare("shown", profiles["staff"], "sm2", disclose=["identify-code", "credit-code"])
    identity = json.loads((w / "application.json").read_text())["identity"]
    platform.issue(w, profile="staff", cls="GOV", evidence=kinds_of(profiles["staff"]))
    out = run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Judge", "leaves", platform.ca("sm2", "der"), w / "sign.pem",
              w / "enc.pem").stdout.decode()
    for line in out.splitlines():
        equal(line.split(" ")[3:], ["0:" + identity["document"]["number"], "-", identity["organisation_code"]],
              "Bouncy Castle reads the numbers")
    for name, (_, pid, *_) in issued.items():
        identity = json.loads((work / name / "application.json").read_text())["identity"]
        for number in (identity.get("code"), identity.get("document", {}).get("number"), identity.get("insurance_number")):
            check(number is None or number.encode() not in der(work / name / "sign.pem"), f"{name} shows {number}")


def rare_characters_come_through():
    w = prepare("rare", profiles["person"], "sm2", name="𠮷\U000304f2·\U00031350")
    platform.issue(w, profile="person", cls="GOV", evidence="identity-document")
    for f in ("sign", "enc"):
        text = openssl("x509", "-in", w / f"{f}.pem", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus").stdout.decode()
        check("𠮷\U000304f2·\U00031350" in text, text)


def applications():
    out, cursor = [], 0
    while True:
        status, _, page = platform.call("auditor", "GET", f"/v1/applications?limit=100&cursor={cursor}")
        equal(status, 200, "list of applications")
        out += page["applications"]
        if "next" not in page:
            return out
        cursor = page["next"]


def refused(code, w, profile="person", cls="GOV", evidence="identity-document", says=None):
    pieces = []
    for kind in [evidence] if isinstance(evidence, str) else evidence:
        pieces += ["--evidence", f"{kind}={w / 'id.png'}"]
    p = platform.as_("entry", "apply", "--profile", profile, "--class", cls, "--csr", w / "sign.csr", "--data",
                     w / "application.json", *pieces, "--json", status=None)
    check(p.returncode != 0, f"{code}: taken on")
    problem = json.loads(p.stdout)
    equal(problem["code"], code, f"{problem}")
    check(says is None or says in problem["detail"], f"{says}: {problem['detail']}")


def bad_input_changes_nothing():
    before = applications()
    person, w = profiles["person"], None
    for n, (code, more) in enumerate((
            ("identity-lapsed", {"document": {"type": "passport", "number": "E11111111", "valid_until": "2020-01-01"}}),
            ("identity-number", {"document": {"type": "citizen", "number": "110105194912310021", "valid_until": "long-term"}}),
            ("identity-text", {"name": "张\u202e三"}), ("identity-text", {"name": "аpple"}), ("identity-text", {"name": "\ue000"}),
            ("identity", {"name": "字" * 65}), ("identity", {"name": ""}), ("identity", {"email": "x"}),
            ("identity", {"disclose": ["shoe-size"]}), ("identity", {"document": None}))):
        refused(code, prepare(f"bad{n}", person, "p256", **more))
    w = prepare("bad", person, "sm2")
    refused("profile-unknown", w, profile="nobody")
    refused("profile-unknown", w, profile="tsa")
    refused("profile-unknown", w, profile="operator")
    for pid, profile in profiles.items():  # whichever piece is missing is named (R30.1)
        (w / "application.json").write_text(json.dumps(data_of(profile), ensure_ascii=False))
        for missing in kinds_of(profile):
            kinds = [k for k in kinds_of(profile) if k != missing]
            refused("evidence", w, profile=pid, cls=profile["classes"][0], evidence=kinds, says=missing)
    (w / "application.json").write_bytes(json.dumps(data_of(person)).encode().replace(b"350100", b"35\xff100"))
    refused("json", w)
    (w / "application.json").write_text(json.dumps(data_of(person)))
    refused("g11-class", prepare("class", profiles["department"], "p256"), profile="department", cls="PUBLIC",
            evidence=kinds_of(profiles["department"]))
    for bad in sorted((ROOT / "tests/data/csr/bad").glob("*.der")):
        shutil.copy(bad, w / "sign.csr")
        refused(bad.with_suffix(".why").read_text().split(":")[0], w)
    used = next(n for n, v in issued.items() if v[1] == "person" and v[3] == "sm2")
    shutil.copy(work / used / "sign.csr", w / "sign.csr")
    refused("same-key", w)
    equal(applications(), before, "nothing changed")


def ends():
    equal(platform.stop(), 0, "exit status")
    shutil.rmtree(platform.data)
    shutil.rmtree(work)


platform = Platform().start()
main([read_profiles, issues_each_profile_in_each_class, openssl_verifies_each_purpose, bouncy_castle_takes_the_pairs,
      gnutls_takes_the_p256_certificates, a_trial_says_what_is_issued, numbers_only_when_asked_for, rare_characters_come_through,
      bad_input_changes_nothing, ends])
