#!/usr/bin/env python3
"""Publication into OpenLDAP (R05.4, R21.8): a real slapd over TLS, `ldapsearch` judges.  Both certificates of a subject lie
under one entry, the CA's certificate and list beside them; nothing with an extension that discloses a number; what is revoked
or on hold goes; slapd away for a while loses nothing; a directory that others have damaged is mended."""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import (ROOT, Platform, check, contents, der, equal, free_ports, main, openssl, person, run, serial_of)

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
platform = None
slapd = None
port = free_ports(1)
URL, BASE = f"ldaps://127.0.0.1:{port}", "o=shifan"
CERTIFICATE, LIST, AUTHORITY = "userCertificate;binary", "certificateRevocationList;binary", "cACertificate;binary"


def until(what, condition, limit=60):
    end = time.monotonic() + limit
    while True:
        got = condition()
        if got:
            return got
        check(time.monotonic() < end, f"{what}: not within {limit} s")
        time.sleep(0.2)


def start_slapd():
    global slapd
    slapd = subprocess.Popen([ROOT / "scripts/slapd.sh", work / "slapd", str(port), BASE])
    until("slapd", lambda: subprocess.run(["ldapsearch", "-x", "-H", URL, "-s", "base", "-b", ""],
                                          capture_output=True, env=environment()).returncode == 0)


def stop_slapd():
    slapd.terminate()
    slapd.wait(60)


def environment():
    return {**os.environ, "LDAPTLS_CACERT": str(work / "slapd/ca.pem"), "LDAPTLS_REQCERT": "demand"}


def search(*filters, base=BASE):
    """What a stranger finds: a list of {attribute: [bytes]}, by ldapsearch."""
    p = run("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", URL, "-b", base, *filters, env=environment(),
            status=None)
    if p.returncode == 32:  # no such object
        return []
    equal(p.returncode, 0, f"ldapsearch: {p.stderr.decode()}")
    entries = []
    for block in p.stdout.decode().split("\n\n"):
        entry = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            coded = value.startswith(":")
            value = value[1:].strip()
            entry.setdefault(name, []).append(base64.b64decode(value) if coded else value.encode())
        if entry:
            entries.append(entry)
    return entries


def shown():
    """Every certificate of a subject that is in the directory."""
    return {c for e in search("(uid=*)") for c in e.get(CERTIFICATE, [])}


def change(tool, *argv, text=None):
    run(tool, "-x", "-H", URL, "-D", f"cn=publisher,{BASE}", "-y", work / "slapd/secret", *argv,
        input=text.encode() if text else None, env=environment())


def issue(name, sequence, disclose=None):
    d = platform.new_request(work / name, name)
    data = person(name, sequence)
    if disclose:
        data["identity"]["disclose"] = disclose
    (d / "application.json").write_text(json.dumps(data, ensure_ascii=False))
    platform.issue(d)
    return d


def pair(d):
    return {der(d / "sign.pem"), der(d / "enc.pem")}


def configure(external=False):
    status = platform.data / "shifan/status"
    config = status / "config.yaml"
    kept = [l for l in config.read_text().splitlines() if not l.startswith("directory_")]
    kept += [f'directory_url: "{URL}"', f'directory_base: "{BASE}"']
    if not external:
        kept.append(f'directory_bind: "cn=publisher,{BASE}"')
    config.write_text("\n".join(kept) + "\n")
    owner = config.stat()
    for source, target in ((work / "slapd/ca.pem", status / "trust/directory.pem"),
                           (work / "slapd/secret", status / "directory.secret")):
        shutil.copyfile(source, target)
        os.chown(target, owner.st_uid, owner.st_gid)
        target.chmod(0o600)


def restart(**how):
    equal(platform.stop(), 0, "exit status of up")
    configure(**how)
    platform.start()


def directory():
    return platform.call("ca-operator", "GET", "/v1/directory", instance="shifan/status")[2]


def both_certificates_are_found():
    """R05.4, R21.8: also those of before the directory was configured."""
    start_slapd()
    restart()
    want = pair(work / "张三")
    until("the pair of before", lambda: shown() == want)
    want |= pair(issue("李四", 2))
    until("the pair of now", lambda: shown() == want)
    found = search("(cn=李四)", CERTIFICATE, "cn", "uid")
    equal(len(found), 1, "one entry for a subject")
    equal(set(found[0][CERTIFICATE]), pair(work / "李四"), "both certificates under it, byte by byte")


def authority_and_list_are_found():
    """R05.4: OpenSSL reads them."""
    entry = until("certificate and list of the CA", lambda: [e for e in search("(cn=sm2)") if LIST in e])[0]
    equal(entry[AUTHORITY], [der(platform.ca("sm2"))], "certificate of the CA")
    text = openssl("crl", "-inform", "DER", "-noout", "-text", input=entry[LIST][0]).stdout
    check(b"CRL Number" in text, "a list with a number")


def what_discloses_stays_out():
    """R21.8: the number that the holder let into the certificate does not get into the directory."""
    before = shown()
    d = issue("王五", 3, ["identify-code"])
    text = openssl("x509", "-in", d / "sign.pem", "-noout", "-text").stdout
    check(b"1.2.156.10260.4.1" in text, f"the certificate discloses: {text.decode()}")
    after = issue("赵六", 4)
    until("what was issued later", lambda: shown() == before | pair(after))
    check(not search("(cn=王五)"), "no entry for what discloses")


def revoked_and_held_go():
    """R21.6, R21.8: both of the pair; the entry of the others stays; a release brings back."""
    everything = shown()
    gone, held = work / "赵六", work / "李四"
    number = lambda: re.search(rb"CRL Number:\s*(\w+)", openssl(
        "crl", "-inform", "DER", "-noout", "-text", input=search("(cn=sm2)")[0][LIST][0]).stdout).group(1)
    old = int(number(), 0)
    platform.as_("review", "revoke", f"sm2/{serial_of(gone / 'sign.pem')}", "--reason", "keyCompromise")
    until("revoked", lambda: shown() == everything - pair(gone))
    check(not search("(cn=赵六)"), "an entry without certificates goes")
    until("the list with it", lambda: int(number(), 0) > old)
    platform.as_("review", "suspend", f"sm2/{serial_of(held / 'sign.pem')}")
    until("on hold", lambda: not shown() & {der(held / "sign.pem")})
    platform.as_("review", "release", f"sm2/{serial_of(held / 'sign.pem')}")
    until("released", lambda: shown() == everything - pair(gone))


def an_outage_loses_nothing():
    """R05.4: slapd away, the status service restarted meanwhile."""
    before = shown()
    stop_slapd()
    d = issue("孙七", 5)
    until("an alarm", lambda: [a for a in platform.call("ca-operator", "GET", "/v1/alarms?open=true",
                                                        instance="shifan/status")[2]["alarms"]
                               if a["kind"] == "directory-behind"])
    check(directory()["waiting"] > 0, "the queue tells")
    restart()
    check(directory()["waiting"] > 0, "the queue is durable")
    start_slapd()
    until("what was issued meanwhile", lambda: shown() == before | pair(d))
    until("an empty queue", lambda: directory()["waiting"] == 0)


def damage_is_mended():
    """R21.8: an entry deleted, one emptied, a foreign one added."""
    before = shown()
    entry = {name: search(f"(cn={name})")[0]["dn"][0].decode() for name in ("李四", "孙七")}
    change("ldapdelete", entry["李四"])
    change("ldapmodify", text=f"dn: {entry['孙七']}\nchangetype: modify\ndelete: userCertificate;binary\n")
    change("ldapadd", text=f"dn: uid=stranger,{BASE}\nobjectClass: inetOrgPerson\ncn: x\nsn: x\nuid: stranger\n")
    answer = json.loads(platform.as_("ca-operator", "directory", "repair", "--json").stdout)
    until("what was there", lambda: shown() == before and not search("(uid=stranger)"))
    equal([answer["repair"][k] for k in ("mended", "strangers")], [2, 1], f"what the repair tells: {answer}")
    equal(platform.call("entry", "POST", "/v1/directory/repair", instance="shifan/status")[0], 403, "not for clerks")


def a_certificate_opens_it_too():
    """SASL EXTERNAL with the instance's own certificate instead of a password."""
    shutil.copyfile(platform.data / "demo/ca/shifan-tls.pem", work / "slapd/client-ca.pem")
    stop_slapd()
    start_slapd()
    restart(external=True)
    d = issue("周八", 6)
    until("written by EXTERNAL", lambda: pair(d) <= shown())


with Platform("--test-clock") as platform:
    try:
        issue("张三", 1)
        main([both_certificates_are_found, authority_and_list_are_found, what_discloses_stays_out, revoked_and_held_go,
              an_outage_loses_nothing, damage_is_mended, a_certificate_opens_it_too])
    finally:
        if slapd and slapd.poll() is None:
            stop_slapd()
        shutil.rmtree(work, ignore_errors=True)
