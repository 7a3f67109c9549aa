#!/usr/bin/env python3
"""An archive proof of real certificates (R24.11): made from files, an exported log and a time stamp of the vault;
verified from the file and a trust folder alone, by the program, by a verifier that shares no code with it
(tests/lib/verify_archive.py) and, as to the stamp, by Bouncy Castle."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

JARS = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar"
VERIFIER = ROOT / "tests/lib/verify_archive.py"
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
state = {}
DAY = 86400


def trust(p):
    return work / "elsewhere/shifan/ca/trust"


def stamper(p):
    return "shifan/vault" if "shifan/vault" in p.endpoints["instances"] else "shifan/ca"


def statement_of(p, app, member):
    _, _, answer = p.call("review", "GET", f"/v1/applications/{app}")
    path = work / f"{member}.p7s"
    path.write_bytes(base64.b64decode(answer[member]))
    return path


def pieces(p, request):
    lists = []
    for name in ("sm2",):
        status, _, crl = p.get(f"{p.endpoints['public']['crl']}/{name}.crl")
        equal(status, 200, "the list")
        lists.append(work / f"{name}-{state.get('ahead', 0)}.crl")
        lists[-1].write_bytes(crl)
    answer = work / "ocsp.der"
    ask_ocsp("-issuer", p.ca("sm2"), "-cert", request / "sign.pem", "-url", p.endpoints["public"]["ocsp"],
             "-respout", answer, "-noverify")
    return [x for f in lists for x in ("--crl", f)] + ["--ocsp", answer]


def authorities(p):
    return [x for f in sorted((p.data / "demo/ca").glob("*.pem")) if "tls" not in f.name for x in ("--authority", f)]


def export(p):
    path = work / f"log-{time.monotonic()}.jsonl"
    p.call("auditor", "GET", "/v1/log/head?fresh=true", instance="shifan/ca")
    p.as_("auditor", "audit", "export", "--instance", "shifan/ca", "--out", path)
    return path


def make(p, out, *more, status=0):
    r = state["request"]
    return p.as_("auditor", "archive", "make", "--certificate", r / "sign.pem", "--certificate", r / "enc.pem",
                 *authorities(p), "--instance", stamper(p), "--out", out, *more, status=status)


def an_archive_is_made():
    state["p"] = p = Platform("--test-clock").start()
    state["request"] = request = work / "a"
    app = p.issue(p.new_request(request))
    state["statements"] = [x for m in ("statement", "decision") for x in ("--statement", statement_of(p, app, m))]
    state["archive"] = work / "proof.json"
    make(p, state["archive"], *pieces(p, request), *state["statements"], "--log", export(p))
    (work / "elsewhere/shifan/ca").mkdir(parents=True)
    shutil.copytree(p.data / "shifan/ca/trust", trust(p))


def judge(archive, at, stranger=True):
    """(exit status, code of the refusal, answer) by the program; by the stranger only whether it holds."""
    t = trust(state["p"])
    ours = run(BINARY, "archive", "verify", archive, "--trust", t, "--at", f"@{at}", "--json", status=None)
    answer = json.loads(ours.stdout)
    if not stranger:
        return ours.returncode, answer.get("code"), answer
    anchors = ",".join(str(f) for f in sorted((t / "authorities").glob("*.cer"))
                       if openssl("x509", "-inform", "DER", "-in", f, "-noout", "-subject", "-issuer").stdout.split(b"\n")[0][8:]
                       == openssl("x509", "-inform", "DER", "-in", f, "-noout", "-issuer").stdout.split(b"\n")[0][7:])
    theirs = run(sys.executable, VERIFIER, archive, at, anchors, t / "logs/shifan.ca.cer", t / "operator.cer", status=None)
    equal(theirs.returncode != 0, ours.returncode != 0, f"the stranger says {theirs.stdout.decode()}{theirs.stderr.decode()}, "
          f"the program {answer}")
    return ours.returncode, answer.get("code"), answer


def it_verifies_from_the_file_alone():
    archive, copy = state["archive"], work / "copy/proof.json"
    copy.parent.mkdir()
    shutil.copy(archive, copy)
    status, code, answer = judge(copy, int(time.time()) + 60)
    equal(status, 0, f"{answer}")
    one = answer["results"][0]
    equal((len(one["certificates"]), one["stamps"], one["lists"] > 0, one["answers"]), (2, 1, True, 1), "what it proves")
    check(not any(c["revoked"] for c in one["certificates"]), "nothing is revoked")
    equal(judge(copy, int(time.time()) + 6 * 365 * DAY)[:2], (8, "archive-over"), "the stamp has ended")


def changed_bytes_are_found():
    """Some here by both verifiers; src/archive/archive_test.c takes every byte of a small one.  Around the signed
    parts of the stamp itself a stranger may be content with other forms of a message."""
    text = state["archive"].read_bytes()
    at = int(time.time()) + 60
    for i in range(11, len(text), len(text) // 12):
        bad = work / "bad.json"
        bad.write_bytes(text[:i] + bytes([text[i] ^ 1]) + text[i + 1:])
        equal(judge(bad, at, i < text.index(b'"stamp"'))[0], 8, f"byte {i} of {len(text)}")


def what_is_left_out_is_missed():
    p = state["p"]
    some = pieces(p, state["request"])
    for name, more in (("lists and answers", [*state["statements"], "--log", export(p)]),
                       ("statements", [*some, "--log", export(p)]), ("the log", [*some, *state["statements"]])):
        out = work / f"without {name}.json"
        make(p, out, *more)
        equal(judge(out, int(time.time()) + 60)[:2], (8, "archive-incomplete"), f"without {name}")


def others_get_no_stamp():
    p = state["p"]
    out = work / "clerk.json"
    status = p.as_("entry", "archive", "make", "--certificate", state["request"] / "sign.pem", "--instance", stamper(p),
                   "--out", out, status=None).returncode
    check(status == 3 and not out.exists(), f"a clerk gets no time stamp: exit {status}")


def bouncy_castle_takes_the_stamp():
    run("javac", "-cp", JARS, "-d", work, ROOT / "tests/judges/Messages.java")
    doc = json.loads(state["archive"].read_text())
    token = doc["layers"][0].pop("stamp")
    (work / "token").write_bytes(base64.b64decode(token))
    (work / "over").write_bytes(json.dumps(doc, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())
    said = run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Messages", "stamp", work / "token", work / "over")
    check(abs(int(said.stdout) - time.time()) < 600, "its time")
    (work / "over").write_bytes(b"something else")
    run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Messages", "stamp", work / "token", work / "over", status=1)
    openssl("ts", "-reply", "-token_in", "-in", work / "token", "-text")


def it_is_renewed():
    """Half a year on, the holder's certificate revoked meanwhile: the second stamp carries the first, and what was
    true at the first stays true."""
    p = state["p"]
    serial = serial_of(state["request"] / "sign.pem")
    p.as_("review", "revoke", f"sm2/{serial}", "--reason", "keyCompromise")
    run(BINARY, "clock", "--data", p.data, "step", f"+{180 * DAY}")
    state["ahead"] = 180 * DAY
    renewed = work / "renewed.json"
    end = time.monotonic() + 60
    while p.as_("auditor", "archive", "renew", state["archive"], *pieces(p, state["request"]), "--instance", stamper(p),
                "--out", renewed, status=None).returncode != 0:
        check(time.monotonic() < end, "no stamp half a year on")
        time.sleep(0.5)
    status, _, answer = judge(renewed, int(time.time()) + 181 * DAY)
    equal(status, 0, f"{answer}")
    equal(answer["results"][0]["stamps"], 2, "stamps")
    check(not any(c["revoked"] for c in answer["results"][0]["certificates"]), "valid when it was stamped first")
    equal(judge(renewed, int(time.time()) + 60)[:2], (8, "archive-late"), "a stamp from the future")


def ends():
    equal(state["p"].stop(), 0, "exit status of up")
    shutil.rmtree(state["p"].data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


try:
    main([an_archive_is_made, it_verifies_from_the_file_alone, changed_bytes_are_found, what_is_left_out_is_missed,
          others_get_no_stamp, bouncy_castle_takes_the_stamp, it_is_renewed, ends])
finally:
    if "p" in state and state["p"].process:
        state["p"].process.kill()
