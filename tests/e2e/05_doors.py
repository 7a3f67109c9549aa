#!/usr/bin/env python3
"""Proves the doors of running it: up on an empty folder, taken port, two supervisors, unlocking by file, by
descriptor and by command, the test clock, files and modes of the demonstration, exit codes and --json."""
import json
import os
import pathlib
import socket
import stat
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
OFFICERS = ("entry review ca-operator kmc-operator recovery-1 recovery-2 super-admin audit-admin security-admin auditor "
            "regulator regulator-2 evaluator province issue query institution institution-2 source-1 source-2 subscriber").split()
state = {}


def up_on_an_empty_folder_needs_demo():
    empty = work / "empty"
    empty.mkdir()
    p = run(BINARY, "up", "--data", empty, status=None)
    check(p.returncode not in (0, None), "up without --demo on an empty folder fails")
    equal(list(empty.iterdir()), [], "and leaves nothing behind")


def usage_errors_exit_2():
    for argv in ((), ("frobnicate",), ("apply",), ("review",), ("revoke", "sm2/1"), ("up", "--nonsense")):
        equal(run(BINARY, *argv, status=None).returncode, 2, f"usage: {argv}")
    for lang, word in (("zh", "用法"), ("en", "Usage")):
        out = run(BINARY, "--help", "--lang", lang).stdout.decode()
        check(word.lower() in out.lower(), f"help in {lang}: {out[:80]}")
        for command in ("up", "serve", "ceremony", "apply", "review", "fetch", "accept", "revoke", "clock", "unlock"):
            check(command in out, f"help names {command}")
    check(run(BINARY, "--version").stdout.strip(), "version")


def demonstration_credentials_are_complete():
    state["p"] = p = Platform("--test-clock").start()
    for name in OFFICERS:
        d = p.officer(name)
        for f in ("tls.pem", "tls.key", "tls.p12", "sign.pem", "sign.key", "sign.p12", "pin"):
            mode = (d / f).stat().st_mode
            equal(stat.S_IMODE(mode), 0o600, f"mode of {name}/{f}")
        pin = "file:" + str(d / "pin")
        for kind, curve in (("tls", "prime256v1"), ("sign", "SM2")):
            text = openssl("pkey", "-in", d / f"{kind}.key", "-passin", pin, "-noout", "-text").stdout.decode()
            check(curve in text, f"{name}/{kind}.key is {curve}")
            a = openssl("pkey", "-in", d / f"{kind}.key", "-passin", pin, "-pubout").stdout
            b = openssl("x509", "-in", d / f"{kind}.pem", "-noout", "-pubkey").stdout
            equal(a, b, f"{name}/{kind}: key and certificate belong together")
            out = openssl("pkcs12", "-in", d / f"{kind}.p12", "-passin", pin, "-nokeys", "-clcerts").stdout
            check(b"BEGIN CERTIFICATE" in out, f"{name}/{kind}.p12 opens")
        check(b"ENCRYPTED" in (d / "tls.key").read_bytes(), "key is encrypted")
        openssl("pkey", "-in", d / "tls.key", "-passin", "pass:wrong", status=1)
    for f in p.ca("root").parent.iterdir():
        if f.suffix == ".pem":
            equal(der(f), f.with_suffix(".der").read_bytes(), f"{f.name} and its DER")


def machine_readable_results():
    p = state["p"]
    w = p.new_request(work / "json")
    out = p.as_("entry", "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data",
                w / "application.json", "--evidence", f"identity-document={w / 'id.png'}", "--json").stdout
    answer = json.loads(out)
    check(answer["schema"].endswith("/v1") and answer["id"], f"apply --json: {answer}")
    state["id"] = answer["id"]
    q = p.as_("entry", "review", state["id"], "--approve", "--json", status=3)
    problem = json.loads(q.stdout)
    check({"type", "title", "status", "code"} <= set(problem), f"problem: {problem}")
    equal(problem["status"], 403, "problem status")
    p.as_("entry", "fetch", state["id"], "--out", w, status=6)
    p.as_("entry", "fetch", "no-such-application", "--out", w, status=4)
    for bad in ({"identity": {}}, {"identity": {"name": "a" * 5000}}, [], {}):
        (w / "bad.json").write_text(json.dumps(bad))
        p.as_("entry", "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data", w / "bad.json",
              "--evidence", f"identity-document={w / 'id.png'}", status=1)
    for options in (("--profile", "nobody", "--class", "GOV"), ("--profile", "person", "--class", "SECRET"),
                    ("--profile", "root", "--class", "GOV"), ("--profile", "operator-ca", "--class", "GOV")):
        q = p.as_("entry", "apply", *options, "--csr", w / "sign.csr", "--data", w / "application.json", "--evidence",
                  f"identity-document={w / 'id.png'}", status=None)
        check(q.returncode in (1, 2, 3, 4), f"{options}: exit {q.returncode}")


def a_taken_port_is_a_clear_failure():
    p = state["p"]
    api = urllib.parse.urlsplit(p.url("shifan/ra", "api")).port
    other = work / "other"
    q = run(BINARY, "up", "--data", other, "--demo", "--base-port", api, status=None)
    check(q.returncode not in (0, None) and str(api).encode() in q.stderr, f"taken port: {q.returncode} {q.stderr}")
    shutil.rmtree(other, ignore_errors=True)
    q = run(BINARY, "up", "--data", p.data, status=None)
    check(q.returncode not in (0, None), "a second supervisor on the same folder")
    equal(p.get(p.url("shifan/ca", "management") + "/readyz")[0], 200, "the first goes on")


def the_test_clock_moves_business_time():
    p = state["p"]
    url = p.endpoints["public"]["crl"] + "/sm2.crl"
    before = openssl("crl", "-inform", "DER", "-noout", "-nextupdate", input=p.get(url)[2]).stdout
    p.cli("clock", "--data", p.data, "step", "+172800")
    until = time.monotonic() + 60
    while openssl("crl", "-inform", "DER", "-noout", "-nextupdate", input=p.get(url)[2]).stdout == before:
        check(time.monotonic() < until, "a new CRL after two days")
        time.sleep(0.2)
    p.cli("clock", "--data", p.data, "step", "-60")
    p.cli("clock", "--data", p.data, "set", "nonsense", status=2)


def locked_until_the_secret_is_given():
    p = state["p"]
    equal(p.stop(), 0, "exit status")
    secret = (p.data / "demo/unlock").read_bytes()
    os.rename(p.data / "demo/unlock", work / "unlock")
    r, w = os.pipe()
    os.write(w, secret)
    os.close(w)
    argv = [BINARY, "up", "--data", str(p.data), "--unlock", str(r), "--test-clock"]
    q = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=open(work / "log", "ab"), pass_fds=[r])
    os.close(r)
    lines = []
    while not lines or (lines[-1] and not lines[-1].startswith(b"ready")):
        lines.append(q.stdout.readline())
    check(lines[-1].startswith(b"ready"), f"unlocked by descriptor: {lines}")
    pid = next(int(e.name) for e in pathlib.Path("/proc").iterdir() if e.name.isdigit()
               and (e / "cmdline").exists() and f"signer\0shifan/ca\0--data\0{p.data}".encode() in (e / "cmdline").read_bytes())
    os.kill(pid, 9)
    until = time.monotonic() + 60
    seen = None
    while seen != 503:
        try:
            seen = p.get(p.url("shifan/ca", "management") + "/readyz")[0]
        except OSError:
            seen = None
        check(time.monotonic() < until, "/readyz is false while its signer is locked")
        time.sleep(0.2)
    while run(BINARY, "unlock", "--data", p.data, "--unlock", work / "unlock", status=None).returncode != 0:
        check(time.monotonic() < until, "yuandian unlock, once the signer has been started again")
        time.sleep(0.5)
    while p.get(p.url("shifan/ca", "management") + "/readyz")[0] != 200:
        check(time.monotonic() < until, "/readyz after yuandian unlock")
        time.sleep(0.2)
    q.send_signal(2)
    equal(q.wait(30), 0, "exit status")


def a_wrong_secret_opens_nothing():
    p = state["p"]
    wrong = json.loads((work / "unlock").read_text())
    wrong["secrets"] = {k: "00" * 32 for k in wrong["secrets"]}
    (work / "wrong").write_text(json.dumps(wrong))
    (work / "wrong").chmod(0o600)
    q = subprocess.Popen([BINARY, "up", "--data", str(p.data), "--unlock", str(work / "wrong"), "--test-clock"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(4)
    q.send_signal(2)
    out, _ = q.communicate(timeout=30)
    check(b"ready" not in out, "not ready with a wrong secret")


def a_closed_home_folder_changes_nothing():
    """A clone usually lies in a home folder of mode 0700: own users all the same, no mode changed."""
    home = work / "home"
    home.mkdir(mode=0o700)
    with Platform(data=home / "var") as p:
        equal(stat.S_IMODE(home.stat().st_mode), 0o700, "the folder stays closed")
        w = p.new_request(work / "closed")
        p.issue(w)
        if os.getuid() == 0:
            owners = {(p.data / "shifan" / r).stat().st_uid for r in ("ca", "ra", "status")}
            check(len(owners) == 3 and 0 not in owners, f"own users: {owners}")
    equal([str(f) for f in pathlib.Path("/run").glob("yuandian-*")], [], "nothing is left under /run")


def ends():
    shutil.rmtree(state["p"].data)
    shutil.rmtree(work)


main([up_on_an_empty_folder_needs_demo, usage_errors_exit_2, demonstration_credentials_are_complete, machine_readable_results,
      a_taken_port_is_a_clear_failure, the_test_clock_moves_business_time, locked_until_the_secret_is_given,
      a_wrong_secret_opens_nothing,
      a_closed_home_folder_changes_nothing, ends])
