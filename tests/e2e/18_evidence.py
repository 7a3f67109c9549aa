#!/usr/bin/env python3
"""A log nobody can rewrite (R12.4, tests (f) 10): what root can do to the database of an instance is found on a
copy by `audit verify` and by a verifier that shares no code with it (tests/lib/verify_log.py), or by the CA
itself when it starts again."""
import pathlib
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403
os.environ.pop("YD_TEST_DB", None)  # about SQLite's files, whatever the other scripts run over

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
state = {}
VERIFIER = ROOT / "tests/lib/verify_log.py"


def until(what, condition, limit=120):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.2)


def witnessed(p, log, witness):
    """The largest head that the witness keeps of that log, as (size, root)."""
    status, answer = p.as_instance("shifan/ca", witness, "GET", f"/v1/witness/heads?log={log}&limit=1")
    equal(status, 200, f"heads of {log} at {witness}")
    return [(h["size"], h["root"]) for h in answer["heads"]]


def heads_reach_their_witnesses():
    state["p"] = p = Platform("--test-clock").start()
    p.stop()
    for config in p.data.glob("*/*/config.yaml"):
        with open(config, "a") as f:
            f.write("head_period_seconds: 1\n")
    p.start()
    run(BINARY, "clock", "--data", p.data, "step", "+172800")  # so that there is a yesterday with officers in it
    for log, witness in (("shifan/ca", "shifan/ra"), ("shifan/ca", "shifan/status"), ("shifan/ra", "shifan/ca"),
                         ("shifan/status", "shifan/ra"), ("national/source", "keycentre/kmc")):
        until(f"{witness} keeps no head of {log}", lambda: witnessed(p, log, witness) != [])
    state["first"] = p.issue(p.new_request(work / "a"))
    p.issue(p.new_request(work / "b", name="李四"))
    size = p.call("auditor", "GET", "/v1/log/head", instance="shifan/ca")[2]["size"]
    until("no witness keeps a head of now", lambda: witnessed(p, "shifan/ca", "shifan/ra")[0][0] >= size)


def proofs_hold():
    """Inclusion and consistency, computed here from hashes alone."""
    p = state["p"]
    _, _, answer = p.call("auditor", "GET", "/v1/log/head?fresh=true", instance="shifan/ca")
    head, size = answer["head"], answer["head"]["size"]
    sys.path.insert(0, str(VERIFIER.parent))
    import verify_log as v
    _, _, body = p.call("auditor", "GET", "/v1/log/entries?limit=1000", instance="shifan/ca")
    leaves = [v.leaf(v.canonical(e["entry"])) for e in body["entries"]][:size]
    equal(v.root(leaves).hex(), head["root"], "root of the entries")
    for index in (0, 1, size // 2, size - 1):
        status, _, a = p.call("auditor", "GET", f"/v1/log/proof/inclusion?index={index}&size={size}", instance="shifan/ca")
        equal((status, a["proof"]), (200, [h.hex() for h in v.inclusion(leaves, index)]), f"inclusion of {index}")
    for start in (1, 2, 3, size // 2, size - 1, size):
        status, _, a = p.call("auditor", "GET", f"/v1/log/proof/consistency?from={start}&to={size}", instance="shifan/ca")
        equal((status, a["proof"]), (200, [h.hex() for h in v.consistency(leaves, start)]), f"consistency from {start}")
    for bad in ("inclusion?index=5&size=5", "inclusion?index=5", "consistency?from=0&to=5", "consistency?from=6&to=5"):
        equal(p.call("auditor", "GET", f"/v1/log/proof/{bad}", instance="shifan/ca")[0], 400, bad)
    equal(p.call("auditor", "GET", "/v1/log/proof/inclusion?index=0&size=99999999", instance="shifan/ca")[0], 404, "beyond")
    for officer in ("entry", "review"):
        equal(p.call(officer, "GET", "/v1/log/head", instance="shifan/ca")[0], 403, f"{officer} is no auditor")


def a_witness_takes_no_other_history():
    """Heads of another log, altered ones, and ones that go back are refused, and told."""
    p = state["p"]
    url = "/v1/witness/heads"
    own = p.as_instance("shifan/ca", "shifan/ra", "GET", "/v1/witness/heads?log=shifan/ca")[1]["heads"]

    def post(instance, statement, proof=()):
        body = json.dumps({"statement": statement, "proof": list(proof)}).encode()
        return p.as_instance(instance, "shifan/ra", "POST", url, body, "application/json")
    status, answer = post("shifan/status", own[0]["statement"])
    check(status >= 400 and answer["code"] == "log-head", f"a head of another log: {status} {answer}")
    if len(own) > 1 and own[-1]["size"] < own[0]["size"]:
        status, answer = post("shifan/ca", own[-1]["statement"])
        equal(answer.get("code"), "log-rollback", "an older head")
    _, fresh = p.as_instance("shifan/ra", "shifan/ca", "GET", "/v1/log/head?fresh=true")
    if fresh["head"]["size"] > own[0]["size"]:
        status, answer = post("shifan/ca", fresh["head"]["statement"])
        equal(answer.get("code"), "log-proof", "a head without its proof")
    bad = bytearray(base64.b64decode(own[0]["statement"]))
    bad[bad.index(b'"size":') + 7] ^= 1
    status, answer = post("shifan/ca", base64.b64encode(bytes(bad)).decode())
    check(status >= 400, "an altered head was taken")
    for text in (b"{}", b"[]", b'{"statement":"AAAA","proof":[]}', b'{"statement":"AAAA","proof":["00"]}', b"{"):
        status, answer = p.as_instance("shifan/ca", "shifan/ra", "POST", url, text, "application/json")
        check(400 <= status < 500, f"{text}: {status}")
    equal(p.call("auditor", "POST", url, b"{}", "application/json")[0], 403, "an officer shows a head")


def exports():
    p = state["p"]
    for name, witness in (("ra.json", "shifan/ra"), ("status.json", "shifan/status")):
        out = p.as_("auditor", "audit", "heads", "shifan/ca", "--instance", witness, "--out", work / name).stdout
        check(int(out) >= 1, f"heads from {witness}")
    p.as_("auditor", "audit", "export", "--instance", "shifan/ca", "--out", work / "export.jsonl")
    r = p.as_("auditor", "audit", "export", "--instance", "shifan/ca", "--out", work / "export.jsonl", status=5)
    check(b"export.jsonl" in r.stderr, "an existing file is kept")
    shutil.copytree(p.data / "shifan/ca/trust", work / "trust")
    state["before"] = work / "yesterday"
    p.stop()
    shutil.copytree(p.data / "shifan/ca", state["before"], ignore=shutil.ignore_patterns("signer", "tls", "records"))


def audit(what, *more, status=0):
    r = run(BINARY, "audit", "verify", what, *more, "--lang", "en", status=None)
    equal(r.returncode, status, f"audit verify {what}: {r.stdout.decode()}{r.stderr.decode()}")
    return (r.stdout + r.stderr).decode()


def judged(folder, status, *heads):
    """The independent verifier over the same copy."""
    r = run(sys.executable, VERIFIER, folder / "data.db", "shifan/ca", work / "trust/logs/shifan.ca.cer", *heads,
            status=None)
    equal(r.returncode, status, f"verify_log.py: {r.stdout.decode()}{r.stderr.decode()}")
    return r.stdout.decode()


HEADS = ["--heads", work / "ra.json", "--heads", work / "status.json", "--trust", work / "trust"]


def what_was_signed_outside_is_foreign():
    """d.3: the CA's own key, taken from a demonstration's folder, would make such a certificate; its hash betrays it."""
    mine = work / "a"
    audit(state["before"], *HEADS, "--certificate", mine / "sign.pem", "--certificate", mine / "enc.pem")
    der = bytearray(openssl("x509", "-in", mine / "sign.pem", "-outform", "DER").stdout)
    der[-1] ^= 1
    (work / "foreign.cer").write_bytes(der)
    out = audit(state["before"], *HEADS, "--certificate", mine / "sign.pem", "--certificate", work / "foreign.cer",
                status=8)
    check("foreign.cer" in out, out)
    audit(work / "export.jsonl", *HEADS, "--certificate", mine / "enc.pem")


def a_good_copy_verifies():
    copy = state["before"]
    out = audit(copy, *HEADS)
    check("verified" in out and "self-consistent" not in out, out)
    check("self-consistent only" in audit(copy, status=8), "without heads from elsewhere")
    audit(work / "export.jsonl", *HEADS)
    audit(work / "export.jsonl", status=2)
    judged(copy, 0, work / "ra.json", work / "status.json")
    other = work / "other-trust"
    shutil.copytree(work / "trust", other)
    shutil.copy(other / "logs/shifan.ra.cer", other / "logs/shifan.ca.cer")
    audit(copy, "--heads", work / "ra.json", "--trust", other, status=8)


def leaf_again(db, index):
    import verify_log as v
    entry, = db.execute("SELECT entry FROM log WHERE idx = ?", (index,)).fetchone()
    db.execute("UPDATE log SET leaf = ? WHERE idx = ?", (v.leaf(entry), index))


def edit(db):
    import verify_log as v
    entry, = db.execute("SELECT entry FROM log WHERE idx = 40").fetchone()
    entry = json.loads(entry)
    entry["at"] = "2020-01-01T00:00:00Z"
    db.execute("UPDATE log SET entry = ? WHERE idx = 40", (v.canonical(entry),))


def edit_with_leaf(db):
    edit(db)
    leaf_again(db, 40)


def delete(db):
    db.execute("DELETE FROM log WHERE idx = 41")


def delete_and_close_the_gap(db):
    db.execute("DELETE FROM log WHERE idx = 41")
    db.execute("UPDATE log SET idx = idx + 1000000 WHERE idx > 41")
    db.execute("UPDATE log SET idx = idx - 1000001 WHERE idx > 41")


def reorder(db):
    db.execute("UPDATE log SET idx = 1000000 WHERE idx = 41")
    db.execute("UPDATE log SET idx = 41 WHERE idx = 42")
    db.execute("UPDATE log SET idx = 42 WHERE idx = 1000000")


def truncate(db):
    """The last four that both witnesses know of, and what came after."""
    known = min(max(h["size"] for h in json.loads((work / name).read_text())["heads"]) for name in ("ra.json", "status.json"))
    db.execute("DELETE FROM log WHERE idx >= ?", (known - 4,))


def truncate_with_heads(db):
    truncate(db)
    db.execute("DELETE FROM log_head WHERE size > (SELECT count(*) FROM log)")


def sealed_part(db):
    db.execute("UPDATE log SET sealed = zeroblob(32) WHERE idx = 43")


def shorter_valid(db):
    db.execute("DELETE FROM log WHERE idx >= 45")
    db.execute("DELETE FROM log_head")


def ocsp_of(p, serial):
    answer = run("openssl", "ocsp", "-issuer", p.ca("sm2"), "-serial", f"0x{serial}", "-url", p.endpoints["public"]["ocsp"],
                 "-noverify", status=None)
    return (answer.stdout + answer.stderr).decode().lower()


def statements_are_judged():
    """Every statement that the platform rests on, and a head, by the trust folder alone; one altered byte is found."""
    p = state["p"]
    trust = p.data / "shifan/ca/trust"
    files = sorted(trust.glob("**/*.p7s"))
    _, _, answer = p.call("auditor", "GET", "/v1/log/head", instance="shifan/ca")
    files.append(work / "head.p7s")
    files[-1].write_bytes(base64.b64decode(answer["head"]["statement"]))
    when = ["--at", f"@{int(time.time()) + 172860}"]
    said = json.loads(run(BINARY, "statement", "verify", *files, "--trust", trust, "--json", *when).stdout)["statements"]
    equal(len(said), len(files), "statements")
    check({"authorisation", "cps", "ra-approval", "role-grant", "tree-head"} <= {s["kind"] for s in said}, "kinds")
    check(all(s["result"] == "verified" for s in said), "all of them verify")
    for name, data in ((f.name, bytearray(f.read_bytes())) for f in files[:3] + files[-1:]):
        data[len(data) // 2] ^= 1
        (work / "bad.p7s").write_bytes(data)
        run(BINARY, "statement", "verify", work / "bad.p7s", "--trust", trust, *when, status=8)
    shown = run(BINARY, "statement", "show", files[0], "--lang", "en").stdout.decode()
    check("signer:" in shown and "role:" in shown, shown)


def no_answer_goes_beyond_the_head():
    """Design 4: a status service that the CA gives no newer head stops answering when the last one is over; it goes on
    as soon as there is one."""
    p = state["p"]
    serial = serial_of(work / "a/sign.pem")
    until("no answer", lambda: "good" in ocsp_of(p, serial), 60)
    children = run("pgrep", "-f", f"instance shifan/ca --data {p.data}").stdout.split()
    check(children, "no process of the CA")
    for pid in children:
        os.kill(int(pid), signal.SIGSTOP)
    try:
        run(BINARY, "clock", "--data", p.data, "step", "+200000")
        until("an answer beyond the head", lambda: "trylater" in ocsp_of(p, serial), 60)
    finally:
        for pid in children:
            os.kill(int(pid), signal.SIGCONT)
    until("no answer with a new head", lambda: "good" in ocsp_of(p, serial), 60)


def every_attack_of_root_is_found():
    """Each on a copy of its own: (what was done, codes that `audit verify` may give with the witnesses' heads,
    whether the copy alone shows it)."""
    sys.path.insert(0, str(VERIFIER.parent))
    attacks = [(edit, "log-entry", True), (edit_with_leaf, "log-fork", True), (delete, "log-gap", True),
               (delete_and_close_the_gap, "log-fork", True), (reorder, "log-fork", True),
               (truncate, "log-rollback", True), (truncate_with_heads, "log-rollback", False),
               (sealed_part, "log-entry", True), (shorter_valid, "log-rollback", False)]
    for attack, code, alone in attacks:
        copy = work / attack.__name__
        shutil.copytree(state["before"], copy)
        db = sqlite3.connect(copy / "data.db")
        attack(db)
        db.commit()
        db.close()
        out = audit(copy, *HEADS, status=8)
        check(f"({code}" in out, f"{attack.__name__}: {out}")
        if attack in (edit, delete, sealed_part):
            number = {edit: "40", delete: "41", sealed_part: "43"}[attack]
            check(f"entry {number}" in out, f"{attack.__name__} names the entry: {out}")
        out = audit(copy, "--trust", work / "trust", status=8)
        equal("self-consistent only" not in out, alone, f"{attack.__name__} without witnesses: {out}")
        judged(copy, 1, work / "ra.json", work / "status.json")


def start_without_waiting(p):
    """The status service knows more than the restored CA and does not get ready: `up` would not say so."""
    p.log = open(p.data.parent / (p.data.name + ".log"), "ab")
    p.process = subprocess.Popen([BINARY, "up", "--data", str(p.data), *p.options], stdout=subprocess.PIPE, stderr=p.log)

    def serves(instance):
        try:
            return p.get(p.url(instance, "management") + "/readyz")[0] == 200
        except OSError:
            return False
    until("the CA does not serve", lambda: serves("shifan/ca") and serves("shifan/ra"))


def yesterdays_database_issues_nothing():
    """Restored with the clock turned back: the CA finds by its witnesses that it was rolled back; revocation and
    status go on."""
    p = state["p"]
    p.start()
    p.issue(p.new_request(work / "c", name="王五"))
    size = p.call("auditor", "GET", "/v1/log/head", instance="shifan/ca")[2]["size"]
    until("no witness keeps a head of now", lambda: witnessed(p, "shifan/ca", "shifan/ra")[0][0] >= size)
    p.stop()
    home = p.data / "shifan/ca"
    for tail in ("", "-wal", "-shm"):
        (home / f"data.db{tail}").unlink(missing_ok=True)
        if (state["before"] / f"data.db{tail}").exists():
            shutil.copy(state["before"] / f"data.db{tail}", home)
            os.chown(home / f"data.db{tail}", home.stat().st_uid, home.stat().st_gid)
    start_without_waiting(p)
    run(BINARY, "clock", "--data", p.data, "step", "-86400")
    late = p.apply(p.new_request(work / "d", name="赵六"))
    p.as_("review", "review", late, "--approve")

    def alarmed():
        alarms = p.call("auditor", "GET", "/v1/alarms?open=true", instance="shifan/ca")[2]["alarms"]
        return any(a["kind"] == "log-rollback" for a in alarms)
    until("no alarm of the rollback", alarmed)
    time.sleep(2)
    p.as_("entry", "fetch", late, "--out", work / "d", status=6)
    check(not (work / "d/sign.pem").exists(), "a certificate was issued over a log that was rolled back")
    run(BINARY, "clock", "--data", p.data, "step", "+86400")
    serial = serial_of(work / "a/sign.pem")
    p.as_("review", "revoke", f"sm2/{serial}", "--reason", "keyCompromise")


def ends():
    p = state["p"]
    equal(p.stop(), 0, "exit status of up")
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


try:
    main([heads_reach_their_witnesses, proofs_hold, a_witness_takes_no_other_history, statements_are_judged,
          no_answer_goes_beyond_the_head, exports, a_good_copy_verifies,
          what_was_signed_outside_is_foreign, every_attack_of_root_is_found,
          yesterdays_database_issues_nothing, ends])
finally:
    if "p" in state and state["p"].process:
        state["p"].process.kill()
