"""Load on a platform that is hurt meanwhile, and the checker that looks from outside afterwards, with OpenSSL and
with the databases opened by another program: nothing acknowledged is lost."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import threading
import time

from yuandian import check, equal, openssl, person, serial_of, verify_link

CLERKS = 5


class Crash:
    def __init__(self, platform, work):
        self.p = platform
        self.work = pathlib.Path(work)
        self.entered, self.approved, self.revoked = {}, {}, {}
        self.crl, self.refusals = [], {}
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.next_case = 0
        # what a crash may cause: unreachable, busy, an unknown outcome; never a bad request or a lost object
        self.never = (2, 3, 4, 8)

    # ---- processes ----
    def processes(self):
        """{(kind, instance): pid} of this platform's children."""
        found = {}
        for d in pathlib.Path("/proc").iterdir():
            if not d.name.isdigit():
                continue
            try:
                argv = (d / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if len(argv) > 4 and argv[1] in (b"instance", b"signer") and argv[4] == str(self.p.data).encode():
                found[argv[1].decode(), argv[2].decode()] = int(d.name)
        return found

    def kill_all(self):
        """All at once, the supervisor first."""
        victims = self.processes()
        self.p.process.kill()
        for pid in victims.values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.p.process.wait()
        self.p.process.stdout.close()
        self.p.log.close()
        self.p.process = None
        # a process that ends loses its name before its sockets: wait for the process itself
        until = time.monotonic() + 60
        while self.processes() or any(lives(pid) for pid in victims.values()):
            check(time.monotonic() < until, "killed processes stay")
            time.sleep(0.02)

    def ready(self, limit=60, instances=None):
        until = time.monotonic() + limit
        for name in instances or self.p.endpoints["instances"]:
            while True:
                body = b""
                try:
                    status, _, body = self.p.get(self.p.url(name, "management") + "/readyz")
                    if status == 200:
                        break
                except (OSError, http.client.HTTPException):
                    pass
                check(time.monotonic() < until, f"{name} did not get ready again: {body}\n{self.p.tail(20)}")
                time.sleep(0.05)

    # ---- load ----
    def attempt(self, *argv, officer):
        """One command; its output when it was acknowledged (exit 0 or 6), None when it was not."""
        r = self.p.as_(officer, *argv, status=None)
        if r.returncode in (0, 6):
            return r.stdout.decode().strip()
        with self.lock:
            name = (re.findall(r"\((\S+?)[;)]", r.stderr.decode()) or [r.returncode])[0]
            self.refusals[name] = self.refusals.get(name, 0) + 1
            if name != "unreachable" and self.refusals[name] <= 5:
                print(f"{argv[0]}: exit {r.returncode}: {r.stderr.decode().strip()}", flush=True)
        check(r.returncode not in self.never and r.returncode >= 0,
              f"{argv[0]}: exit {r.returncode}: {r.stderr.decode()}")
        return None

    def enter(self, w, n, name):
        """One entry, however often it takes; None when the test ends first."""
        (w / "application.json").write_text(json.dumps(person(name, n % 1000), ensure_ascii=False))
        app = None
        while app is None and not self.ending.is_set():
            app = self.attempt("apply", "--profile", "person", "--class", "GOV", "--csr", w / "sign.csr", "--data",
                               w / "application.json", "--evidence", f"identity-document={w / 'id.png'}",
                               officer="entry")
        return app

    def one_case(self, n, revoke=False):
        """Enter, approve, sometimes fetch and revoke; notes what was acknowledged."""
        w = self.p.new_request(self.work / f"case{n}", name=f"张{n}")
        app = self.enter(w, n, f"张{n}")
        if app is None:
            return
        with self.lock:
            self.entered[app] = w
        if self.attempt("review", app, "--approve", officer="review") is None:
            return
        with self.lock:
            self.approved[app] = w
        if not revoke or self.attempt("fetch", app, "--out", w, officer="entry") is None \
                or not (w / "sign.pem").exists():
            return
        name = "sm2/" + serial_of(w / "sign.pem")
        if self.attempt("revoke", name, "--reason", "keyCompromise", officer="review") is not None:
            with self.lock:
                self.revoked[name] = w

    def clerk(self):
        while not self.ending.is_set():
            with self.lock:
                self.next_case += 1
                n = self.next_case
            self.one_case(n, n % 3 == 0)

    def under_load(self, hurt):
        """hurt() beside clerks who enter, review and revoke."""
        with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
            jobs = [pool.submit(self.clerk) for _ in range(CLERKS)]
            try:
                for _ in hurt():
                    self.crl_number()
                    for job in jobs:
                        if job.done():
                            job.result()
            finally:
                self.ending.set()
            for job in jobs:
                job.result()
        self.ending.clear()
        print(f"{len(self.entered)} entered, {len(self.approved)} approved, {len(self.revoked)} revoked, "
              f"not acknowledged: {self.refusals}", flush=True)

    def crl_number(self):
        """Numbers that the world has seen; the status service may be down just now."""
        try:
            status, _, body = self.p.get(self.p.url("shifan/status", "public") + "/crl/sm2.crl")
        except (OSError, http.client.HTTPException):
            return
        if status != 200:
            return
        text = openssl("crl", "-inform", "DER", "-noout", "-text", input=body).stdout.decode()
        number = int(re.search(r"CRL Number:\s*\n?\s*(\S+)", text).group(1), 0)
        with self.lock:
            if self.crl:
                check(number >= self.crl[-1], f"CRL number {number} after {self.crl[-1]}")
            self.crl.append(number)

    # ---- the checker ----
    def every_entry_is_there(self):
        def look(app):
            status, _, body = self.p.call("entry", "GET", f"/v1/applications/{app}")
            equal(status, 200, f"application {app}")
            if app in self.approved:
                check(body["state"] not in ("entered", "refused"), f"approval of {app} is lost: {body}")
        with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
            list(pool.map(look, self.entered))

    def all_evidence_is_there(self):
        """What an approved application rests on can still be shown, byte for byte."""
        def show(item):
            app, w = item
            self.p.as_("review", "application", "show", app, "--out", w / "shown")
            found = [f.read_bytes() for f in (w / "shown").iterdir() if f.is_file()]
            check((w / "id.png").read_bytes() in found, f"evidence of {app}")
        with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
            list(pool.map(show, self.approved.items()))

    def every_approval_becomes_a_pair(self):
        with concurrent.futures.ThreadPoolExecutor(CLERKS) as pool:
            list(pool.map(lambda i: self.p.fetch(i[0], i[1], limit=60), self.approved.items()))
        for w in list(self.approved.values())[::7]:
            for name in ("sign.pem", "enc.pem"):
                verify_link(w / name, self.p.ca("sm2"))

    def revocations_are_in_force(self):
        if not self.revoked:
            return
        until = time.monotonic() + 60
        want = {name.split("/")[1] for name in self.revoked}
        while True:
            body = self.p.get(self.p.url("shifan/status", "public") + "/crl/sm2.crl")[2]
            text = openssl("crl", "-inform", "DER", "-noout", "-text", input=body).stdout.decode()
            listed = {s.lower().lstrip("0") for s in re.findall(r"Serial Number: ([0-9A-F]+)", text)}
            if want <= listed:
                break
            check(time.monotonic() < until, f"acknowledged revocations not in the list: {want - listed}")
            time.sleep(0.2)
        for name, w in list(self.revoked.items())[:5]:
            out = openssl("ocsp", "-issuer", self.p.ca("sm2"), "-cert", w / "sign.pem", "-no_nonce", "-noverify",
                          "-validity_period", "400000",  # of a clock that was moved
                          "-url", self.p.url("shifan/status", "public") + "/ocsp").stdout.decode()
            check(": revoked" in out, f"OCSP of {name}: {out}")
        self.crl_number()
        equal(self.crl, sorted(self.crl), "CRL numbers only rise")

    def databases_agree(self):
        """No serial twice, no certificate without what it was made from, no key without its certificate.  Stops
        the platform."""
        self.p.stop()
        rows = self.p.rows
        issued = rows("shifan/ca", "SELECT c.serial, c.request, c.part, b.request, r.key FROM certificate c"
                      " LEFT JOIN request_body b ON b.request = c.request LEFT JOIN request r ON r.id = c.request")
        equal(len({i[0] for i in issued}), len(issued), "serials, each once")
        check(all(i[3] is not None and i[4] is not None for i in issued), "a certificate without its approval")
        equal(len({(i[1], i[2]) for i in issued}), len(issued), "one certificate for each request and part")
        delivered = {s for (s,) in rows("shifan/ra", "SELECT serial FROM certificate")}
        check(delivered <= {i[0] for i in issued}, "the RA holds a certificate that the CA does not know")
        known = {s for (s,) in
                 rows("shifan/ca", "SELECT encrypt_serial FROM request WHERE encrypt_serial IS NOT NULL")}
        escrowed = [s for (s,) in
                    rows("keycentre/kmc", "SELECT serial FROM in_use UNION ALL SELECT serial FROM history")]
        equal(len(set(escrowed)), len(escrowed), "a key in two stores")
        check(set(escrowed) <= known, "an escrowed key that no request of the CA accounts for")
        for instance in ("shifan/ca", "shifan/ra", "keycentre/kmc", "national/source"):
            if self.p.on_pgsql(instance) is None:
                equal(rows(instance, "PRAGMA integrity_check"), [("ok",)], f"database of {instance}")
            (least, most, count), = rows(instance, "SELECT min(idx), max(idx), count(*) FROM log")
            equal((least, most), (0, count - 1), f"log of {instance} has no gap")
        logged = rows("shifan/ca", "SELECT count(*) FROM log WHERE kind = 'issued'")[0][0]
        check(logged > 0, "issuing is in the log")

    def starts_once_more(self):
        self.p.start()
        self.ready()
        self.p.issue(self.p.new_request(self.work / "after"), limit=60)
        equal(self.p.stop(), 0, "exit status of up")

    def checks(self):
        """The whole checker, as test functions in their order."""
        return [self.every_entry_is_there, self.all_evidence_is_there, self.every_approval_becomes_a_pair,
                self.revocations_are_in_force, self.databases_agree, self.starts_once_more]


def lives(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
