#!/usr/bin/env python3
"""The data folder of each earlier release starts with this program and goes on (R12.5, upgrade): what was issued
stands, what was revoked stays so, what was waiting is finished, the log has no gap.  A database that a newer
program has changed is refused by name and left as it is.  tests/lib/make_upgrade.py
made the folders; their clock is set back to when that was."""
import pathlib
import re
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

os.environ.pop("YD_TEST_DB", None)  # the folders are what they are
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
work.chmod(0o755)
running = []


def until(what, condition, limit=60):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.2)


def ocsp(p, certificate):
    return ask_ocsp("-issuer", p.ca("sm2"), "-cert", certificate, "-no_nonce", "-noverify", "-url",
                   p.url("shifan/status", "public") + "/ocsp", "-validity_period",
                   "1000000000").stdout.decode()  # the platform's clock stands where the folder was made


def crl_number(p):
    text = openssl("crl", "-inform", "DER", "-noout", "-crlnumber",
                   input=p.get(p.url("shifan/status", "public") + "/crl/sm2.crl")[2]).stdout.decode()
    return int(re.search(r"0x([0-9A-F]+)", text)[1], 16)


def goes_on(archive):
    data = work / archive.name.split(".tar")[0]
    data.mkdir(mode=0o755)
    run("tar", "-C", data, "--no-same-owner", "-xJf", archive)
    before = {name: len(Platform(data=data).rows(name, "SELECT idx FROM log")) for name in ("shifan/ca", "shifan/ra")}
    run(BINARY, "clock", "--data", data, "set", (data / "kept/at").read_text())
    p = Platform("--test-clock", "--base-port", str(free_ports(24)), data=data, demo=False)
    running.append(p)
    p.start(base_port=False)
    good, gone, waiting = (data / "kept" / who for who in ("张三", "李四", "王五"))
    for w in (good, gone):
        for name in ("sign.pem", "enc.pem"):
            verify_link(w / name, p.ca("sm2"))
    until("the old certificate is good", lambda: ": good" in ocsp(p, good / "sign.pem"))
    check(": revoked" in ocsp(p, gone / "sign.pem"), "the revoked one stays revoked")
    number = crl_number(p)
    # what was waiting, what is new, what ends
    app = (waiting / "id").read_text()
    p.as_("review", "review", app, "--approve")
    p.fetch(app, waiting, limit=60)
    verify_link(waiting / "enc.pem", p.ca("sm2"))
    (work / "new").mkdir(exist_ok=True)
    w = p.new_request(work / "new" / data.name, name="赵六")
    (w / "application.json").write_text(json.dumps(person("赵六", 4), ensure_ascii=False))
    p.as_("entry", "accept", p.issue(w, limit=60))
    p.as_("review", "revoke", "sm2/" + serial_of(good / "sign.pem"), "--reason", "superseded")
    until("revocation of an old certificate", lambda: ": revoked" in ocsp(p, good / "sign.pem"))
    until("a list with a higher number", lambda: crl_number(p) > number)
    equal(p.stop(), 0, "exit status of up")
    for name, entries in before.items():
        (least, most, count), = p.rows(name, "SELECT min(idx), max(idx), count(*) FROM log")
        equal((least, most), (0, count - 1), f"log of {name} has no gap")
        check(count > entries, f"log of {name} goes on")
    r = run(BINARY, "audit", "verify", data / "shifan/ca", status=None)
    check(r.returncode in (0, 8) and b"log-" not in r.stderr, f"audit verify: {r.stdout} {r.stderr}")
    p.start(base_port=False)
    equal(p.stop(), 0, "exit status of the second start")
    a_newer_database_is_refused(p)


def a_newer_database_is_refused(p):
    file = p.data / "shifan/ca/data.db"
    with sqlite3.connect(file) as db:
        db.execute("INSERT INTO migration (name, size, checksum, at) VALUES ('migrations/ca/999_later.sql', 1, 1, 1)")
    before = (p.rows("shifan/ca", "SELECT count(*) FROM log"), p.rows("shifan/ca", "SELECT name FROM migration"))
    with open(work / "newer.log", "wb") as log:
        p.process = subprocess.Popen([BINARY, "up", "--data", str(p.data), *p.options], stdout=log, stderr=log)
    until("the refusal of a newer database", lambda: re.search(
        '999_later.*"data-newer"', (work / "newer.log").read_text(errors="replace")))
    p.process.terminate()
    p.process.wait(timeout=60)
    equal((p.rows("shifan/ca", "SELECT count(*) FROM log"), p.rows("shifan/ca", "SELECT name FROM migration")), before,
          "the database after the refusal")
    with sqlite3.connect(file) as db:
        db.execute("DELETE FROM migration WHERE name = 'migrations/ca/999_later.sql'")
    p.start(base_port=False)
    equal(p.stop(), 0, "exit status once the database is that of this program")


def every_release():
    archives = sorted((ROOT / "tests/data/upgrade").glob("*.tar.xz"))
    check(archives, "there is no folder of an earlier release")
    for archive in archives:
        goes_on(archive)
        print(f"   {archive.name}")
    shutil.rmtree(work, ignore_errors=True)


try:
    main([every_release])
finally:
    for p in running:
        if p.process:
            p.process.kill()
