#!/usr/bin/env python3
"""Load beside hostility: `yuandian bench load ocsp` on a platform of its own, SLICES of 20 s with 256 clients who
enter, review, fetch, look up and revoke (default 9), first alone, then with a hostile half: clients that drip, never
read, send too much, talk nonsense, open TLS and fall silent, and floods of connections.  The good half sees no error;
memory stays within a bound and does not grow from the middle of the run to its end; rates are printed side by side."""
import pathlib
import random
import re
import socket
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

SLICES = os.environ.get("SLICES", "9")
HOSTILE = int(os.environ.get("HOSTILE", "48"))
RESIDENT_MAX = 512 << 20  # bytes of any one process
GROWTH_MAX = 1.5          # of the second half over the first, for processes above GROWTH_FROM
GROWTH_FROM = 64 << 20
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-long-", dir=ROOT / "build"))
work.chmod(0o755)
ending = threading.Event()
sent = {}


def resident(data):
    """{process: bytes} of the platform under DATA."""
    found = {}
    for d in pathlib.Path("/proc").iterdir():
        try:
            words = (d / "cmdline").read_bytes().split(b"\0") if d.name.isdigit() else []
            if len(words) > 4 and words[1] in (b"instance", b"signer") and words[4] == str(data).encode():
                kib = re.search(r"VmRSS:\s+(\d+)", (d / "status").read_text())
                found[f"{words[1].decode()} {words[2].decode()}"] = int(kib[1]) << 10 if kib else 0
        except OSError:
            continue
    return found


# ---- the hostile half: each gets a connected socket ----

def drip(s, dice):
    for byte in b"GET /v1/self HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40:
        s.send(bytes([byte]))
        if ending.wait(0.2):
            return


def never_read(s, dice):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    for _ in range(200):
        s.send(b"GET /crl/sm2.crl HTTP/1.1\r\nHost: x\r\n\r\n")
        if ending.wait(0.01):
            return


def too_much(s, dice):
    s.sendall(b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(64):
        s.send(b"x" * 65536)
    s.recv(100)


def long_header(s, dice):
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: " % i + b"a" * 8000 + b"\r\n" for i in range(64)))
    s.recv(100)


def nonsense(s, dice):
    s.sendall(dice.randbytes(dice.randrange(1, 5000)))
    s.recv(100)


def half_a_handshake(s, dice):
    s.sendall(bytes.fromhex("16030100a5010000a10303") + dice.randbytes(60))
    ending.wait(dice.uniform(0.1, 5))


def flood(s, dice):
    more = []
    try:
        for _ in range(50):
            more.append(socket.create_connection(s.getpeername(), timeout=2))
        ending.wait(1)
    finally:
        for m in more:
            m.close()


HABITS = [drip, never_read, too_much, long_header, nonsense, half_a_handshake, flood]


def hostile(n, data):
    dice = random.Random(n)
    while not ending.is_set():
        try:
            endpoints = json.loads((data / "endpoints.json").read_text())["instances"]
            url = urllib.parse.urlsplit(dice.choice([u for i in endpoints.values() for k, u in i.items() if k != "management"]))
            habit = HABITS[n % len(HABITS)]
            with socket.create_connection((url.hostname, url.port), timeout=5) as s:
                s.settimeout(5)
                sent[habit.__name__] = sent.get(habit.__name__, 0) + 1  # most are cut off before they are done
                habit(s, dice)
        except (OSError, ValueError):
            ending.wait(0.05)


def measure(name, enemies):
    """Rows of one bench run, and for each process what it needed, in time."""
    data, out, sizes = work / name, work / f"{name}.json", {}
    with open(work / f"{name}.err", "wb") as errors:
        bench = subprocess.Popen([BINARY, "bench", "--out", out, "--data", data, "load", "ocsp"], stdout=subprocess.DEVNULL,
                                 stderr=errors, env=dict(os.environ, BENCH_LOAD=SLICES))
    ending.clear()
    threads = [threading.Thread(target=hostile, args=(i, data)) for i in range(enemies)]
    for t in threads:
        t.start()
    while bench.poll() is None:
        for process, size in resident(data).items():
            sizes.setdefault(process, []).append(size)
        time.sleep(0.5)
    ending.set()
    for t in threads:
        t.join()
    told = (work / f"{name}.err").read_text()
    equal(bench.returncode, 0, told[-2000:])
    print("".join(f"   {line}\n" for line in told.splitlines() if "slice" in line), end="")
    shutil.rmtree(data, ignore_errors=True)
    return {r["name"]: r["value"] for r in json.loads(out.read_text())}, sizes


def both_halves():
    for enemies in (0, HOSTILE):
        rows, sizes = measure(f"with-{enemies}", enemies)
        for name, value in rows.items():
            check(not name.endswith(".errors") or value == 0, f"{name}: {value} with {enemies} enemies")
        most = {process: max(s) for process, s in sizes.items()}
        check(most and max(most.values()) < RESIDENT_MAX, f"resident: {most}")
        for process, s in sizes.items():
            early, late = max(s[len(s) // 4:len(s) // 2], default=0), max(s[len(s) // 2:], default=0)
            check(late < GROWTH_FROM or late < GROWTH_MAX * early, f"{process} grows: {early >> 20} MiB, later {late >> 20} MiB")
        print(f"   {enemies} enemies: best {rows['load.best']:.0f}, least {rows['load.least']:.0f}, last {rows['load.last']:.0f} "
              f"pairs/s, {rows['ocsp.fresh']:.0f} OCSP answers/s, MiB: { {k: v >> 20 for k, v in most.items()} }")
    print(f"   sent by the hostile half: {sent}")
    check(len(sent) == len(HABITS), f"a habit never came to anything: {sent}")
    shutil.rmtree(work, ignore_errors=True)


main([both_halves])
