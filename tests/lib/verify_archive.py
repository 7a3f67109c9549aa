#!/usr/bin/env python3
"""A stranger's verifier of an archive proof (docs/evidence.md):
verify_archive.py ARCHIVE TIME ANCHOR,… LOG-CERTIFICATE OPERATOR-CERTIFICATE

Standard library for forms, tree and dates, OpenSSL for SM3 and for signatures; no code of the system.  TIME in
seconds since 1970.  Exit 0: it proves what it says; 1: it does not, for the reason on the first line."""
import base64
import calendar
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from verify_log import DISTID, body, canonical, children, leaf, sm3  # noqa: E402

TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")
EKU_STAMPS = bytes.fromhex("0603551d250101ff040c300a06082b06010505070308")  # critical, nothing else
SM3_OID = bytes.fromhex("06082a811ccf55018311")
SKEW = 300


class Refused(ValueError):
    pass


def need(condition, why):
    if not condition:
        raise Refused(why)


def seconds(element):
    text = body(element).decode()
    return calendar.timegm(time.strptime(text, "%y%m%d%H%M%SZ" if element[0] == 0x17 else "%Y%m%d%H%M%SZ"))


def rfc3339(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def pem_or_der(path):
    data = pathlib.Path(path).read_bytes()
    return base64.b64decode(b"".join(data.split(b"-----")[2].split())) if data.startswith(b"-----") else data


class Oracle:
    """SM2 by OpenSSL's command line."""
    def __init__(self, work):
        self.work = pathlib.Path(work)

    def signed(self, key_of, message, signature, why):
        (self.work / "m").write_bytes(message)
        (self.work / "s").write_bytes(signature)
        key = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=key_of, check=True,
                             capture_output=True).stdout
        (self.work / "k").write_bytes(key)
        ok = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey",
                             self.work / "k", "-pkeyopt", DISTID, "-in", self.work / "m", "-sigfile", self.work / "s"],
                            capture_output=True)
        need(ok.returncode == 0, why)


class Certificate:
    def __init__(self, der):
        self.der = der
        self.tbs, _, signature = children(der)
        parts = children(self.tbs)
        self.serial, _, self.issuer, dates, self.subject, _ = parts[1:7]
        self.first, self.last = (seconds(d) for d in children(dates))
        self.signature = body(signature)[1:]

    def hash(self):
        return sm3(self.der)


def path(oracle, certificate, authorities, anchors, at, why):
    """Up to a certificate pinned by hash, each valid at that time."""
    out = [certificate]
    while True:
        c = out[-1]
        need(c.first <= at <= c.last, f"{why}: a certificate of its path is not valid then")
        if c.hash() in anchors:
            return out
        above = [a for a in authorities if a.subject == c.issuer and a.der != c.der]
        need(above and len(out) < 8, f"{why}: no path to an anchor")
        for a in above:
            try:
                oracle.signed(a.der, c.tbs, c.signature, "")
            except Refused:
                continue
            out.append(a)
            break
        else:
            raise Refused(f"{why}: a signature of its path does not verify")


def read_list(oracle, der, issuer):
    """(thisUpdate, nextUpdate, {serial: date}) of a list of that issuer, else None."""
    tbs, _, signature = children(der)
    parts = children(tbs)
    if parts[2] != issuer.subject:
        return None
    oracle.signed(issuer.der, tbs, body(signature)[1:], "a list's signature")
    gone = {}
    if len(parts) > 5 and parts[5][0] == 0x30:
        gone = {children(e)[0]: seconds(children(e)[1]) for e in children(parts[5])}
    return seconds(parts[3]), seconds(parts[4]), gone


def revoked(oracle, c, issuer, lists, at):
    """(a list in force covers it, date of revocation before that time or None)"""
    covered, when = False, None
    for one in lists:
        found = read_list(oracle, one, issuer)
        if found is None or found[0] > at + SKEW:
            continue
        covered = covered or at <= found[1]
        date = found[2].get(c.serial)
        when = date if date is not None and date <= at else when
    return covered, when


# ---- stamps ----

class Stamp:
    def __init__(self, oracle, token, imprint, why):
        signed = children(children(children(token)[1])[0])
        content, certificates, signers = children(signed[2]), children(signed[3]), children(signed[4])
        need(content[0] == TST_INFO and len(signers) == 1 and len(certificates) == 1, f"{why}: no time stamp")
        info = body(children(content[1])[0])
        signer = children(signers[0])
        attributes = [e for e in signer if e[0] == 0xa0][0]
        of = {children(a)[0]: children(children(a)[1])[0] for a in children(attributes)}
        need(body(of[MESSAGE_DIGEST]) == sm3(info), f"{why}: messageDigest")
        certificate = certificates[0]
        ess = children(children(children(of[SIGNING_CERTIFICATE])[0])[0])
        need(body(ess[1]) == sm3(certificate), f"{why}: another certificate signed it")
        need(EKU_STAMPS in certificate, f"{why}: the certificate is not for time stamps alone")
        oracle.signed(certificate, b"\x31" + attributes[1:], body(signer[-1]), f"{why}: signature")
        fields = children(info)
        need(SM3_OID in fields[2] and body(children(fields[2])[1]) == imprint, f"{why}: it is over other bytes")
        self.at, self.certificate = seconds(fields[4]), Certificate(certificate)
        need(self.certificate.first <= self.at <= self.certificate.last, f"{why}: its certificate was not valid")


def check_stamps(oracle, doc, anchors, now):
    layers = doc["layers"]
    need(layers, "no layer")
    of = lambda n, kind: [base64.b64decode(o["data"]) for l in layers[:n] for o in l["objects"] if o["kind"] == kind]
    authorities = [Certificate(d) for d in of(len(layers), "authority")]
    stamps = []
    for n, layer in enumerate(layers):
        need("stamp" in layer, f"layer {n + 1} has no time stamp")
        open_ = layers[:n] + [{"objects": layer["objects"]}]
        imprint = sm3(canonical({"schema": doc["schema"], "layers": open_}))
        stamps.append(Stamp(oracle, base64.b64decode(layer["stamp"]), imprint, f"stamp {n + 1}"))
    for n, s in enumerate(stamps):
        until = stamps[n + 1].at if n + 1 < len(stamps) else now
        need(s.at <= until, f"stamp {n + 1} is newer than what follows it")
        for at, when in ((s.at, "at its time"), (until, "when the next was made" if n + 1 < len(stamps) else "now")):
            found = path(oracle, s.certificate, authorities, anchors, at, f"stamp {n + 1}, {when}")
            for c, issuer in zip(found, found[1:]):
                _, gone = revoked(oracle, c, issuer, of(n + 2, "crl"), at)
                need(gone is None, f"stamp {n + 1}: revoked {when}")
    return stamps, authorities


# ---- evidence ----

class Statement:
    def __init__(self, oracle, der):
        self.name = sm3(der).hex()
        signed = children(children(children(der)[1])[0])
        content = body(children(children(signed[2])[1])[0])
        self.certificate = Certificate(children(signed[3])[0])
        oracle.signed(self.certificate.der, content, body(children(children(signed[4])[0])[-1]), "a statement's signature")
        said = json.loads(content)
        need(canonical(said) == content, "a statement is not canonical")
        need(said["signer"]["certificate"] == self.certificate.hash().hex(), "a statement names another certificate")
        self.kind, self.body, self.at = said["kind"], said["body"], rfc3339(said["issued"])
        self.organisation, self.role = said["organisation"], said["signer"]["role"]


def included(entry, index, size, proof, root):
    """RFC 9162, 2.1.3.2"""
    fn, sn, r = index, size - 1, leaf(canonical(entry))
    for p in map(bytes.fromhex, proof):
        need(sn != 0, "a proof is too long")
        if fn & 1 or fn == sn:
            r = sm3(b"\1" + p + r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sm3(b"\1" + r + p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and r.hex() == root, "a proof of the log does not hold")


def check_subject(oracle, c, parts, authorities, anchors, first):
    found = path(oracle, c, authorities, anchors, first, "certificate")
    covered, gone = revoked(oracle, c, found[1], parts["crl"], first)
    need(covered, "no list in force covers the certificate")
    statements = {s.name: s for s in parts["statement"]}
    for e in map(json.loads, parts["entry"]):
        data = e["entry"]["data"]
        if e["entry"]["kind"] != "issued" or data["certificate"] != c.hash().hex():
            continue
        heads = [s for s in statements.values() if s.kind == "tree-head" and s.body["size"] == e["size"]]
        need(heads, "no head for a proof")
        included(e["entry"], e["index"], e["size"], e["proof"], heads[0].body["root"])
        approval = statements.get(data["request"])
        need(approval is not None and approval.kind == "approval", "the approval is missing")
        application = statements.get(approval.body["application"])
        need(application is not None and application.kind == "application", "the application is missing")
        need(application.certificate.der != approval.certificate.der, "one person decided alone")
        need(heads[0].body["log"].startswith(approval.organisation + "/ca"), "the log of another than the CA")
        return gone
    raise Refused("no entry of the log says that the certificate was issued")


def verify(archive, now, anchors, log, operator):
    text = pathlib.Path(archive).read_bytes()
    doc = json.loads(text)
    need(canonical(doc) == text and doc["schema"] == "yuandian/archive/v1", "not the one form")
    anchors = {sm3(pem_or_der(a)) for a in anchors}
    with tempfile.TemporaryDirectory() as work:
        oracle = Oracle(work)
        stamps, authorities = check_stamps(oracle, doc, anchors, now)
        parts = {}
        for o in doc["layers"][0]["objects"]:
            parts.setdefault(o["kind"], []).append(base64.b64decode(o["data"]))
        parts["statement"] = [Statement(oracle, d) for d in parts.get("statement", [])]
        officers = Certificate(pem_or_der(operator))
        for s in parts["statement"]:
            need(s.at <= stamps[0].at + SKEW, "a statement from after the first stamp")
            if s.kind == "tree-head":
                need(s.certificate.der == pem_or_der(log), "a head of an unknown signer")
            elif s.kind in ("application", "approval"):
                need(s.certificate.issuer == officers.subject, "a statement of no officer")
                oracle.signed(officers.der, s.certificate.tbs, s.certificate.signature, "an officer's certificate")
            need(s.certificate.first <= s.at <= s.certificate.last, "a statement's certificate had ended")
        subjects = [Certificate(d) for d in parts.get("certificate", [])]
        need(subjects, "no certificate")
        gone = [check_subject(oracle, c, parts, authorities, anchors, stamps[0].at) for c in subjects]
        return len(subjects), sum(g is not None for g in gone), len(stamps)


if __name__ == "__main__":
    try:
        print("{} certificates, {} of them revoked, under {} stamps".format(
            *verify(sys.argv[1], int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4], sys.argv[5])))
    except (ValueError, KeyError, IndexError) as e:
        print(e)
        sys.exit(1)
