#!/usr/bin/env python3
"""A list of up to 100,000 rows, from the file to the last certificate, with the RA and the CA killed while it is
entered and while it is issued (R30.1, issue of lists): every row once.  ROWS sets its length (default 100,000)."""
import pathlib
import signal
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

ROWS = int(os.environ.get("ROWS", "100000"))
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-long-"))
p = Platform()
state = {}


def kill(instance):
    words = [b"instance", instance.encode(), b"--data", str(p.data).encode()]
    for d in pathlib.Path("/proc").iterdir():
        try:
            if d.name.isdigit() and (d / "cmdline").read_bytes().split(b"\0")[1:5] == words:
                return os.kill(int(d.name), signal.SIGKILL)
        except OSError:
            continue
    check(False, f"no process of {instance}")


def command(*argv):
    return [str(a) for a in (BINARY, *argv)]


def shown():
    r = run(*command("batch", "show", state["id"], "--json", "--as", p.officer("entry")), status=None)
    return json.loads(r.stdout) if r.returncode == 0 else {"applications": {}}


def entered_over_a_kill():
    p.start()
    with open(work / "list.csv", "wb") as f:
        subprocess.run([pathlib.Path(BINARY).parent / "list_rows", str(ROWS)], stdout=f, check=True)
    (work / "common.json").write_text(json.dumps({"purpose": "办公", "region": "110000",
                                                  "agreement": {"version": "1", "accepted": True}}))
    (work / "id.png").write_bytes(b"a scan")
    argv = command("batch", "submit", work / "list.csv", "--as", p.officer("entry"), "--profile", "person", "--class", "GOV",
                   "--data", work / "common.json", "--evidence", f"identity-document={work / 'id.png'}", "--json")
    started = time.monotonic()
    client = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(3)
    kill("shifan/ra")
    out, err = client.communicate()
    if client.returncode != 0:
        print(f"   broken off by the kill: exit {client.returncode}; sent again")
        time.sleep(5)
        client = subprocess.run(argv, capture_output=True)
        out, err = client.stdout, client.stderr
    equal(client.returncode, 0, f"{out[-300:]} {err[-300:]}")
    batch = json.loads(out)
    state["id"] = batch["id"]
    equal((batch["lines"], batch["done"], batch["errors"]), (ROWS, ROWS, 0), "all rows")
    print(f"   {ROWS} rows entered in {time.monotonic() - started:.0f} s")


def approved_and_issued_over_kills():
    argv = command("review", "--batch", state["id"], "--approve", "--as", p.officer("review"))
    started = time.monotonic()
    client = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    victims = ["shifan/ca", "shifan/ra", "keycentre/kmc", "shifan/ca"]
    last, moved = -1, time.monotonic()
    while True:
        time.sleep(2)
        counts = shown()["applications"]
        issued = counts.get("issued", 0)
        if client.poll() not in (None, 0):
            time.sleep(3)
            client = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if victims and issued > ROWS * (5 - len(victims)) // 6:
            kill(victims.pop(0))
        if issued == ROWS:
            break
        if issued != last:
            last, moved = issued, time.monotonic()
        check(time.monotonic() - moved < 120, f"nothing is issued any more: {counts}")
    equal(client.wait(), 0, "the review ended")
    equal(victims, [], "all kills happened")
    took = time.monotonic() - started
    print(f"   {ROWS} approved and issued in {took:.0f} s, {ROWS / took:.0f} pairs/s, four kills among them")


def every_row_once():
    p.stop()

    def rows(instance, sql):
        db = sqlite3.connect(f"file:{p.data / instance / 'data.db'}?mode=ro", uri=True)
        return db.execute(sql).fetchone()
    equal(rows("shifan/ra", "SELECT count(*), count(DISTINCT spki) FROM application WHERE batch IS NOT NULL"), (ROWS, ROWS),
          "applications")
    equal(rows("shifan/ca", "SELECT count(*), count(DISTINCT serial), count(DISTINCT request) FROM certificate"),
          (2 * ROWS, 2 * ROWS, ROWS), "certificates")
    equal(rows("keycentre/kmc", "SELECT count(*), count(DISTINCT serial) FROM in_use"), (ROWS, ROWS), "keys in use")
    shutil.rmtree(p.data, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


try:
    main([entered_over_a_kill, approved_and_issued_over_kills, every_row_once])
finally:
    if p.process:
        p.process.kill()
