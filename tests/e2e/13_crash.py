#!/usr/bin/env python3
"""Proves that nothing acknowledged is lost (design law 1, requirements (f) 3): under load, processes are killed
with SIGKILL at random moments, one by one and all at once; afterwards a checker looks from outside, with
OpenSSL and with the databases opened by another program.

CRASH_ROUNDS sets the number of kills (default 40), CRASH_SEED repeats a run."""
import concurrent.futures
import os
import pathlib
import random
import re
import signal
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "40"))
SEED = int(os.environ.get("CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
CLERKS = 5
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
state = {"entered": {}, "approved": {}, "revoked": {}, "crl": [], "refusals": {}}
lock = threading.Lock()
ending = threading.Event()


def processes(p):
    """{(kind, instance): pid} of this platform's children."""
    found = {}
    for d in pathlib.Path("/proc").iterdir():
        if not d.name.isdigit():
            continue
        try:
            argv = (d / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if len(argv) > 4 and argv[1] in (b"instance", b"signer") and argv[4] == str(p.data).encode():
            found[argv[1].decode(), argv[2].decode()] = int(d.name)
    return found


def attempt(p, *argv, officer):
    """One command; its output when it was acknowledged (exit 0 or 6), None when it was not."""
    r = p.as_(officer, *argv, status=None)
    if r.returncode in (0, 6):
        return r.stdout.decode().strip()
    with lock:
        name = (re.findall(r"\((\S+?)[;)]", r.stderr.decode()) or [r.returncode])[0]
        state["refusals"][name] = state["refusals"].get(name, 0) + 1
        if name != "unreachable" and state["refusals"][name] <= 5:
            print(f"{argv[0]}: exit {r.returncode}: {r.stderr.decode().strip()}")
    # what a crash may cause: unreachable, busy, an unknown outcome; never a bad request or a lost object
    check(r.returncode not in (2, 3, 4, 8) and r.returncode >= 0,
          f"{argv[0]}: exit {r.returncode}: {r.stderr.decode()}")
    return None


def one_case(p, n):
    """Enter, approve, sometimes fetch and revoke; notes what was acknowledged."""
    w = p.new_request(work / f"case{n}", name=f"张{n}")
    (w / "application.json").write_text(json.dumps(person(f"张{n}", n % 1000), ensure_ascii=False))
    app = None
    while app is None and not ending.is_set():
        app = attempt(p, "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data",
                      w / "application.json", "--evidence", f"identity-document={w / 'id.png'}", officer="entry")
    if app is None:
        return
    with lock:
        state["entered"][app] = w
    if attempt(p, "review", app, "--approve", officer="review") is None:
        return
    with lock:
        state["approved"][app] = w
    if n % 3 != 0 or attempt(p, "fetch", app, "--out", w, officer="entry") is None or not (w / "sign.pem").exists():
        return
    name = "sm2/" + serial_of(w / "sign.pem")
    if attempt(p, "revoke", name, "--reason", "keyCompromise", officer="review") is not None:
        with lock:
            state["revoked"][name] = w


def clerk(p, first):
    n = first
    while not ending.is_set():
        one_case(p, n)
        n += CLERKS


def crl_number(p):
    """Numbers that the world has seen; the status service may be down just now."""
    try:
        status, _, body = p.get(p.url("shifan/status", "public") + "/crl/sm2.crl")
    except OSError:
        return
    if status != 200:
        return
    text = openssl("crl", "-inform", "DER", "-noout", "-text", input=body).stdout.decode()
    number = int(re.search(r"CRL Number:\s*\n?\s*(\S+)", text).group(1), 0)
    with lock:
        if state["crl"]:
            check(number >= state["crl"][-1], f"CRL number {number} after {state['crl'][-1]}")
        state["crl"].append(number)


def ready(p, limit=60):
    until = time.monotonic() + limit
    for name in p.endpoints["instances"]:
        while True:
            try:
                if p.get(p.url(name, "management") + "/readyz")[0] == 200:
                    break
            except (OSError, http.client.HTTPException):
                pass
            check(time.monotonic() < until, f"{name} did not get ready again\n{p.tail(20)}")
            time.sleep(0.05)


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def power_cut(p):
    """All at once, the supervisor first."""
    victims = processes(p)
    p.process.kill()
    for pid in victims.values():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    p.process.wait()
    p.process.stdout.close()
    p.log.close()
    # a process that ends loses its name before its sockets: wait for the process itself
    until = time.monotonic() + 10
    while (processes(p) or any(lives(pid) for pid in victims.values())) and time.monotonic() < until:
        time.sleep(0.02)
    p.start()


def survives_kills_under_load():
    print(f"seed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    state["p"] = p = Platform().start()
    slowest = 0
    with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
        jobs = [pool.submit(clerk, p, i + 1) for i in range(CLERKS)]
        try:
            for n in range(ROUNDS):
                time.sleep(dice.uniform(0.2, 1.2))
                if n % 5 == 4:
                    power_cut(p)
                else:
                    everyone = sorted(processes(p).items())
                    who, pid = everyone[dice.randrange(len(everyone))]
                    os.kill(pid, signal.SIGKILL)
                killed = time.monotonic()
                ready(p)
                slowest = max(slowest, time.monotonic() - killed)
                crl_number(p)
                for job in jobs:
                    if job.done():
                        job.result()
        finally:
            ending.set()
        for job in jobs:
            job.result()
    print(f"{len(state['entered'])} entered, {len(state['approved'])} approved, {len(state['revoked'])} revoked, "
          f"not acknowledged: {state['refusals']}; back after {slowest:.1f} s at most")
    check(len(state["approved"]) >= ROUNDS // 2, "the load was too small to show anything")


def every_entry_is_there():
    p = state["p"]
    for app in state["entered"]:
        status, _, body = p.call("entry", "GET", f"/v1/applications/{app}")
        equal(status, 200, f"application {app}")
        if app in state["approved"]:
            check(body["state"] not in ("entered", "refused"), f"approval of {app} is lost: {body['state']}")


def all_evidence_is_there():
    """What an approved application rests on can still be shown, byte for byte."""
    p = state["p"]

    def show(item):
        app, w = item
        p.as_("review", "application", "show", app, "--out", w / "shown")
        found = [f.read_bytes() for f in (w / "shown").iterdir() if f.is_file()]
        check((w / "id.png").read_bytes() in found, f"evidence of {app}")
    with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
        list(pool.map(show, state["approved"].items()))


def every_approval_becomes_a_pair():
    p = state["p"]
    with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
        list(pool.map(lambda i: p.fetch(i[0], i[1], limit=60), state["approved"].items()))
    for w in list(state["approved"].values())[::7]:
        for name in ("sign.pem", "enc.pem"):
            verify_link(w / name, p.ca("sm2"))


def revocations_are_in_force():
    p = state["p"]
    if not state["revoked"]:
        return
    until = time.monotonic() + 30
    want = {name.split("/")[1] for name in state["revoked"]}
    while True:
        body = p.get(p.url("shifan/status", "public") + "/crl/sm2.crl")[2]
        text = openssl("crl", "-inform", "DER", "-noout", "-text", input=body).stdout.decode()
        listed = {s.lower().lstrip("0") for s in re.findall(r"Serial Number: ([0-9A-F]+)", text)}
        if want <= listed:
            break
        check(time.monotonic() < until, f"acknowledged revocations not in the list: {want - listed}")
        time.sleep(0.2)
    for name, w in list(state["revoked"].items())[:5]:
        out = openssl("ocsp", "-issuer", p.ca("sm2"), "-cert", w / "sign.pem", "-no_nonce", "-noverify",
                      "-url", p.url("shifan/status", "public") + "/ocsp").stdout.decode()
        check(": revoked" in out, f"OCSP of {name}: {out}")
    crl_number(p)
    equal(state["crl"], sorted(state["crl"]), "CRL numbers only rise")


def rows(p, instance, sql):
    db = sqlite3.connect(f"file:{p.data / instance / 'data.db'}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def databases_agree():
    """No serial twice, no certificate without what it was made from, no key without its certificate."""
    p = state["p"]
    p.stop()
    issued = rows(p, "shifan/ca", "SELECT c.serial, c.request, c.part, b.request, r.key FROM certificate c"
                  " LEFT JOIN request_body b ON b.request = c.request LEFT JOIN request r ON r.id = c.request")
    equal(len({i[0] for i in issued}), len(issued), "serials, each once")
    check(all(i[3] is not None and i[4] is not None for i in issued), "a certificate without its approval")
    equal(len({(i[1], i[2]) for i in issued}), len(issued), "one certificate for each request and part")
    delivered = {s for (s,) in rows(p, "shifan/ra", "SELECT serial FROM certificate")}
    check(delivered <= {i[0] for i in issued}, "the RA holds a certificate that the CA does not know")
    known = {s for (s,) in rows(p, "shifan/ca", "SELECT encrypt_serial FROM request WHERE encrypt_serial IS NOT NULL")}
    escrowed = [s for (s,) in rows(p, "keycentre/kmc", "SELECT serial FROM in_use UNION ALL SELECT serial FROM history")]
    equal(len(set(escrowed)), len(escrowed), "a key in two stores")
    check(set(escrowed) <= known, "an escrowed key that no request of the CA accounts for")
    for instance in ("shifan/ca", "shifan/ra", "keycentre/kmc", "national/source"):
        equal(rows(p, instance, "PRAGMA integrity_check"), [("ok",)], f"database of {instance}")
        (least, most, count), = rows(p, instance, "SELECT min(idx), max(idx), count(*) FROM log")
        equal((least, most), (0, count - 1), f"log of {instance} has no gap")
    logged = rows(p, "shifan/ca", "SELECT count(*) FROM log WHERE kind = 'issued'")[0][0]
    check(logged > 0, "issuing is in the log")


def starts_once_more():
    p = state["p"]
    p.start()
    ready(p)
    p.issue(p.new_request(work / "after"))
    equal(p.stop(), 0, "exit status of up")
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


try:
    main([survives_kills_under_load, every_entry_is_there, all_evidence_is_there, every_approval_becomes_a_pair, revocations_are_in_force,
          databases_agree, starts_once_more])
finally:
    if "p" in state and state["p"].process:
        state["p"].process.kill()
