#!/usr/bin/env python3
"""Proves that a second host takes over (design 9.1, R12.5): two platforms, each with a folder and processes of its own, over
one PostgreSQL server.  The first is killed, later the second is only stopped and comes back late; each time the other
takes over, nothing acknowledged is lost, no serial is used twice, and who was replaced writes nothing any more.  Then
connections are cut and the server is restarted under load.

Evidence files are on storage that both hosts reach; here they are carried over before the taking."""
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from crash import Crash, lives  # noqa: E402
from yuandian import *  # noqa: E402,F403

LOAD = float(os.environ.get("STANDBY_LOAD", "4"))  # seconds of load before each blow
CUTS = int(os.environ.get("STANDBY_CUTS", "3"))
SERVER = ROOT / "tests/lib/pgsql.sh"
LIMIT = 120  # to take over; the lease itself is given up after 15 s
begun = subprocess.run([SERVER, "start", str(os.getpid())], stdout=subprocess.PIPE, check=False)
if begun.returncode == 77:
    print("skipped: PostgreSQL is not installed")
    sys.exit(0)
equal(begun.returncode, 0, "start of a PostgreSQL server")
os.environ["YD_TEST_DB"] = begun.stdout.decode().strip()
server = os.environ["YD_TEST_DB"].split("host=")[1].split()[0]
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
work.chmod(0o755)
first, second = Platform(), Platform("--base-port", str(free_ports(30)), data=work / "second")
crash = Crash(first, work)
starting = {}


def until(condition, what, limit=LIMIT):
    end = time.monotonic() + limit
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.1)


def events(platform, event):
    """How often each instance of that host told of something."""
    found = {}
    path = platform.data.parent / (platform.data.name + ".log")
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        if f'"event":"{event}"' in line:
            name = json.loads(line)["instance"]
            found[name] = found.get(name, 0) + 1
    return found


def stand_by(platform, before=None):
    """Starts a host that has to wait; it is ready when it has taken over."""
    told = before if before is not None else (events(platform, "standby") if platform is first else {})
    starting[platform] = threading.Thread(target=platform.start, daemon=True)
    starting[platform].start()
    until(lambda: all(events(platform, "standby").get(n, 0) > told.get(n, 0) for n in first.endpoints["instances"]),
          "the standby does not wait for the lease")


def carry_records(source, target):
    for name in first.endpoints["instances"]:
        folder = source.data / name / "records"
        if folder.exists():
            run("cp", "-a", folder, target.data / name)


def takes_over(platform, since):
    starting[platform].join(LIMIT)
    check(not starting[platform].is_alive(), f"the standby did not take over:\n{platform.tail(20)}")
    crash.p = platform
    crash.ready(LIMIT)
    print(f"   taken over after {time.monotonic() - since:.1f} s", flush=True)


def load(seconds=LOAD):
    """Lets the clerks work; at least one approval is acknowledged meanwhile."""
    before, end = len(crash.approved), time.monotonic() + seconds
    until(lambda: time.monotonic() > end and len(crash.approved) > before, "nothing is approved under load")


def two_hosts_start():
    # certificates name the service, not the host: what one host prepared the other signs to the letter
    first.public_url = "http://status.example.cn"
    first.start()
    equal(first.stop(), 0, "exit status")
    run("cp", "-a", first.data, second.data)
    first.start()
    stand_by(second, {})


def the_standby_answers_nothing():
    for name, doors in json.loads((second.data / "endpoints.json").read_text())["instances"].items():
        try:
            second.get(doors["management"] + "/readyz")
        except OSError:
            continue
        raise Failure(f"{name} of the standby serves")


def kill_the_first():
    load()
    yield
    crash.kill_all()
    killed = time.monotonic()
    carry_records(first, second)
    takes_over(second, killed)
    yield
    load()
    yield


def survives_the_end_of_the_first_host():
    crash.under_load(kill_the_first)


def stop_the_second():
    load()
    yield
    everyone = [second.process.pid, *crash.processes().values()]
    w = crash.p.new_request(work / "late", name="迟到")
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    late = threading.Thread(target=late_request, args=(w,))
    late.start()
    carry_records(second, first)
    takes_over(first, stopped)
    yield
    waited = events(second, "standby")
    for pid in everyone:
        os.kill(pid, signal.SIGCONT)
    late.join()
    check(starting["late"] not in (0, 6), "a host that was replaced acknowledged an entry")
    until(lambda: all(events(second, "standby").get(n, 0) > waited.get(n, 0) for n in first.endpoints["instances"]),
          f"who was replaced does not stand by:\n{second.tail(20)}")
    yield
    load()
    yield


def late_request(w):
    """Reaches the stopped host's socket and waits there."""
    starting["late"] = second.as_("entry", "apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr",
                                  "--data", w / "application.json", "--evidence",
                                  f"identity-document={w / 'id.png'}", status=None).returncode


def fences_a_host_that_comes_back_late():
    stand_by(first)
    crash.under_load(stop_the_second)
    subjects = [subject for (subject,) in crash.p.rows("shifan/ra", "SELECT subject FROM application")]
    check(subjects and not any("迟到" in subject for subject in subjects), "the late entry is in the database")


def ends_while_standing_by():
    equal(second.stop(), 0, "exit status of a host that stood by")


def cut_connections():
    database = next(w for w in first.on_pgsql().split() if w.startswith("dbname=")).split("=")[1]
    for n in range(CUTS):
        load(1)
        if n == CUTS - 1:
            run(SERVER, "restart", server)
        else:
            run("psql", "-qAt", os.environ["YD_TEST_DB"], "-c", "SELECT count(pg_terminate_backend(pid)) FROM "
                f"pg_stat_activity WHERE datname = '{database}'")
        crash.ready(LIMIT)
        yield
    load(1)
    yield


def survives_lost_connections():
    crash.under_load(cut_connections)
    check(all(lives(pid) for pid in crash.processes().values()), "a process ended")


try:
    main([two_hosts_start, the_standby_answers_nothing, survives_the_end_of_the_first_host,
          fences_a_host_that_comes_back_late, ends_while_standing_by, survives_lost_connections] + crash.checks())
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(first.data, ignore_errors=True)
finally:
    for host in (first, second):
        if host.process:
            host.process.send_signal(signal.SIGCONT)
            host.process.kill()
    subprocess.run([SERVER, "stop", server], check=False)
