#!/usr/bin/env python3
"""Proves the walls: R06.5 KMC apart and its stop only halts encryption certificates, R06.10 no private
encryption key in CA or RA memory, files or cores, R06.16 credentials of one hop are refused at another,
own process, uid and database per instance, signers without core dumps."""
import json
import os
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
platform = Platform().start()
ROLES = ("national/source", "keycentre/kmc", "shifan/ca", "shifan/ra", "shifan/status")


def processes():
    """name → pid of every instance and signer under this data folder, by command line."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(platform.data).encode() in argv and len(argv) > 2 and argv[1] in (b"instance", b"signer"):
                found[argv[1].decode() + " " + argv[2].decode()] = int(entry.name)
    return found


def status_of(pid):
    return dict(l.split(":\t", 1) for l in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in l)


def each_role_is_a_process_with_its_own_uid_and_folder():
    found = processes()
    for name in ROLES:
        check(f"instance {name}" in found and f"signer {name}" in found, f"{name} and its signer run: {found}")
    if os.getuid() == 0:
        uids = [status_of(pid)["Uid"].split()[0] for pid in found.values()]
        equal(len(set(uids)), len(uids), f"own uid each: {uids}")
        check("0" not in uids, "none is root")
    for name in ROLES:
        folder = platform.data / name
        check((folder / "data.db").is_file() or platform.on_pgsql(name), f"database of {name}")
        equal(folder.stat().st_mode & 0o007 & ~0o001, 0, f"others may not read {folder}")
        equal((folder / "signer").stat().st_mode & 0o077, 0, f"signer folder of {name} is private")


def every_process_is_confined():
    for name, pid in processes().items():
        s = status_of(pid)
        equal(s["Seccomp"].strip(), "2", f"seccomp filter of {name}")
        equal(s["NoNewPrivs"].strip(), "1", f"no new privileges in {name}")


def memory(pid):
    """All readable memory of a process, as root would dump it."""
    out = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            if "r" not in mode or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(start)
                out.append(mem.read(end - start))
            except (OSError, ValueError, OverflowError):
                continue
    return b"".join(out)


def private_key_is_nowhere():
    w = platform.new_request(work / "person")
    platform.issue(w, fetch=["--key", w / "sign.key", "--pin-file", w / "pin"])
    text = openssl("pkey", "-in", w / "enc.key", "-passin", "file:" + str(w / "pin"), "-noout", "-text").stdout.decode()
    d = bytes.fromhex(text.split("priv:")[1].split("pub:")[0].replace(":", "").replace(" ", "").replace("\n", ""))[-32:]
    marker = der(w / "enc.pem")[-24:]
    found = {}
    for name, pid in processes().items():
        dump = memory(pid)
        check(len(dump) > 1 << 20, f"memory of {name} was read")
        for form, needle in (("big endian", d), ("little endian", d[::-1]), ("hex", d.hex().encode()),
                             ("words", b"".join(d[i:i + 8][::-1] for i in (24, 16, 8, 0)))):
            check(needle not in dump, f"private key ({form}) in memory of {name}")
        found[name] = marker in dump
    check(any(found.values()), "the search finds what is there: the certificate itself in some process")
    hits = 0
    for path in platform.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            check(d not in data and d.hex().encode() not in data, f"private key in {path}")
            hits += marker in data
    for name in ROLES:
        if platform.on_pgsql(name):
            data = platform.raw(name)
            check(d.hex().encode() not in data, f"private key in the database of {name}")
            hits += marker.hex().encode() in data
    check(hits, "the search finds the certificate where records are kept")


def the_next_hop_refuses_foreign_credentials():
    for officer in ("entry", "review", "kmc-operator"):
        for instance, method, path in (("keycentre/kmc", "POST", "/gmt0014"), ("shifan/ca", "POST", "/v1/requests"),
                                       ("shifan/ca", "POST", "/v1/revocations")):
            try:
                status, _, body = platform.call(officer, method, path, b"{}", "application/json", instance)
            except (OSError, Failure):
                continue
            check(status in (401, 403, 415), f"{officer} at {instance}{path}: {status} {body}")
    c = platform.https(None)
    try:
        c.request("GET", "/v1/applications")
        check(c.getresponse().status in (401, 403), "no certificate")
    except OSError:
        pass


def kmc_down_stops_encryption_certificates_only():
    found = processes()
    os.kill(found["instance keycentre/kmc"], signal.SIGSTOP)
    try:
        w = platform.new_request(work / "partial", "孙七")
        (w / "application.json").write_text(json.dumps(person("孙七", 7), ensure_ascii=False))
        app = platform.apply(w)
        platform.as_("review", "review", app, "--approve")
        until = time.monotonic() + 60
        while True:
            p = platform.as_("entry", "fetch", app, "--out", w, status=6)
            if (w / "sign.pem").exists():
                break
            check(time.monotonic() < until, "signing certificate while the KMC is down")
            time.sleep(0.3)
        verify_link(w / "sign.pem", platform.ca("sm2"))
        platform.as_("entry", "accept", app, status=5)
        serial = serial_of(work / "person/sign.pem")
        platform.as_("review", "revoke", f"sm2/{serial}", "--reason", "superseded")
    finally:
        os.kill(found["instance keycentre/kmc"], signal.SIGCONT)
    platform.fetch(app, w, limit=60)
    verify_link(w / "enc.pem", platform.ca("sm2"))
    platform.as_("entry", "accept", app)


def a_killed_role_comes_back():
    for name in ("shifan/status", "shifan/ca", "keycentre/kmc"):
        before = processes()
        os.kill(before["instance " + name], signal.SIGKILL)
        until = time.monotonic() + 60
        while True:
            now = processes()
            if now.get("instance " + name, before["instance " + name]) != before["instance " + name]:
                try:
                    if platform.get(platform.url(name, "management") + "/readyz")[0] == 200:
                        break
                except OSError:
                    pass
            check(time.monotonic() < until, f"{name} is back")
            time.sleep(0.2)
        check(now["signer " + name] != before["signer " + name], "its signer restarted with it")
    w = platform.new_request(work / "again", "周八")
    (w / "application.json").write_text(json.dumps(person("周八", 8), ensure_ascii=False))
    platform.issue(w, limit=60)


def ends():
    equal(platform.stop(), 0, "exit status")
    left = processes()
    equal(left, {}, "no process is left")
    shutil.rmtree(platform.data)
    shutil.rmtree(work)


main([each_role_is_a_process_with_its_own_uid_and_folder, every_process_is_confined, private_key_is_nowhere,
      the_next_hop_refuses_foreign_credentials, kmc_down_stops_encryption_certificates_only, a_killed_role_comes_back, ends])
