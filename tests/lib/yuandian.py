"""A platform for one end-to-end test: starts `yuandian up`, talks to it as outsiders do, ends it.

Standard library only.  OpenSSL's command line is the judge; nothing here uses the code under test
to decide whether a result is right."""
import base64
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import http.client
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("YUANDIAN", str(ROOT / "build/yuandian"))
DISTID = "distid:1234567812345678"


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(got, want, what):
    if got != want:
        raise Failure(f"{what}: got {got!r}, want {want!r}")


def run(*argv, input=None, status=0, env=None):
    """Runs a command; status None means any.  Returns CompletedProcess with bytes."""
    p = subprocess.run([str(a) for a in argv], input=input, capture_output=True, timeout=120, env=env)
    if status is not None and p.returncode != status:
        raise Failure(f"{' '.join(map(str, argv))}: exit {p.returncode}, want {status}\n"
                      f"{p.stdout.decode(errors='replace')}{p.stderr.decode(errors='replace')}")
    return p


def openssl(*argv, input=None, status=0):
    return run("openssl", *argv, input=input, status=status)


def ask_ocsp(*argv, limit=60):
    """`openssl ocsp` as a client does it: tryLater is followed.  After the clock has jumped a responder asks for
    another head of the CA's log before it answers again."""
    end = time.monotonic() + limit
    while True:
        p = openssl("ocsp", *argv, status=None)
        if b"trylater" not in p.stdout + p.stderr or time.monotonic() > end:
            break
        time.sleep(0.1)
    if p.returncode != 0:
        raise Failure(f"openssl ocsp: exit {p.returncode}: {p.stdout.decode()}{p.stderr.decode()}")
    return p


# ---- DER, just enough to cut objects apart ----
def tlv(data, at=0):
    """(tag, start of contents, end) of the element at this offset."""
    tag, length, p = data[at], data[at + 1], at + 2
    if length & 0x80:
        n = length & 0x7f
        length = int.from_bytes(data[p:p + n], "big")
        p += n
    return tag, p, p + length


def children(data, at=0):
    _, p, end = tlv(data, at)
    out = []
    while p < end:
        _, _, e = tlv(data, p)
        out.append(data[p:e])
        p = e
    return out


def contents(element):
    _, p, end = tlv(element)
    return element[p:end]


def pem(label, der):
    import base64
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def der(path):
    import base64
    data = pathlib.Path(path).read_bytes()
    if data.startswith(b"-----"):
        data = base64.b64decode(b"".join(l for l in data.split(b"\n")[1:] if l and not l.startswith(b"-"))
                                if data.count(b"BEGIN") == 1 else
                                data.split(b"-----")[2].replace(b"\n", b""))
    return data


def public_key(cert_der, out):
    """Writes the certificate's public key as PEM, by OpenSSL."""
    p = openssl("x509", "-inform", "DER", "-noout", "-pubkey", input=cert_der)
    pathlib.Path(out).write_bytes(p.stdout)
    return out


def verify_signed(outer, issuer_cert, work):
    """Checks SEQUENCE { tbs, algorithm, BIT STRING } with OpenSSL over the raw bytes (g.6, 6)."""
    tbs, algorithm, bits = children(outer)[:3]
    work = pathlib.Path(work)
    (work / "tbs").write_bytes(tbs)
    (work / "sig").write_bytes(contents(bits)[1:])
    public_key(issuer_cert, work / "pub.pem")
    argv = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", work / "pub.pem", "-sigfile", work / "sig",
            "-in", work / "tbs"]
    if bytes.fromhex("2a811ccf55018375") in algorithm:
        argv += ["-digest", "sm3", "-pkeyopt", DISTID]
    else:
        argv += ["-digest", "sha256"]
    openssl(*argv)


def verify_link(cert, issuer):
    """One link of a chain with the standard id (g.6, 2)."""
    openssl("verify", "-partial_chain", "-vfyopt", DISTID, "-CAfile", issuer, cert)


def free_ports(count):
    """First of a row of ports that nobody listens on now."""
    import random
    import socket
    while True:
        first = random.randrange(20000, 30000)
        try:
            for port in range(first, first + count):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


class Platform:
    def __init__(self, *options, data=None, demo=True, binary=None):
        self.data = pathlib.Path(data) if data else pathlib.Path(tempfile.mkdtemp(prefix="yuandian-"))
        if data is None:
            self.data.chmod(0o755)
        self.keep = data is not None
        self.options = options
        self.binary = binary or BINARY  # of the platform; commands are always the usual program's
        self.before = None  # called in the new process
        self.demo = demo
        self.public_url = None  # in certificates, instead of this host's own address
        self.process = None
        self.log = None

    def __enter__(self):
        return self.start()

    def found_on_pgsql(self):
        """The demonstration's ceremony with its records in the server that YD_TEST_DB names (pgsql.sh)."""
        info = os.environ["YD_TEST_DB"]
        name = "p" + os.urandom(6).hex()
        run("psql", "-q", info, "-c", f"CREATE DATABASE {name}")
        plan = json.loads((ROOT / "plans/demo.json").read_text())
        plan["database"] = "pgsql:" + " ".join(w for w in info.split() if not w.startswith("dbname=")) \
            + f" dbname={name}"
        plan["base_port"] = free_ports(24)
        if self.public_url:
            plan["public_url"] = self.public_url
        path = self.data.parent / (self.data.name + ".plan")
        path.write_text(json.dumps(plan))
        clock = [o for o in self.options if o == "--test-clock"]
        run(BINARY, "ceremony", "--plan", path, "--data", self.data, *clock)

    def on_pgsql(self, instance="shifan/ra"):
        """What libpq is told of the instance's database; None when it is a file."""
        text = (self.data / instance / "config.yaml").read_text()
        found = [line.split("pgsql:", 1)[1].strip().strip('"') for line in text.splitlines() if line.startswith("database:")]
        return found[0] if found else None

    def rows(self, instance, sql):
        """What is committed in an instance's database, read by another program than ours: a list of tuples."""
        info = self.on_pgsql(instance)
        if info is None:
            db = sqlite3.connect(f"file:{self.data / instance / 'data.db'}?mode=ro", uri=True)
            try:
                return db.execute(sql).fetchall()
            finally:
                db.close()
        text = run("psql", "-qAt", info, "-c", f"SELECT to_json(t) FROM ({sql}) t").stdout.decode()
        value = lambda v: bytes.fromhex(v[2:]) if isinstance(v, str) and v.startswith("\\x") else v
        return [tuple(value(v) for _, v in json.loads(line, object_pairs_hook=list)) for line in text.splitlines()]

    def raw(self, instance):
        """Every byte that the instance's database holds, as a disk or a dump shows it."""
        info = self.on_pgsql(instance)
        if info is None:
            return b"".join(f.read_bytes() for f in (self.data / instance).glob("data.db*"))
        return b"".join(run("psql", "-qAt", info, "-c", f"SELECT t FROM {name} t").stdout for (name,) in
                        self.rows(instance, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))

    def start(self, base_port=True, status=None):
        if self.demo and os.environ.get("YD_TEST_DB") and not (self.data / "platform.json").exists():
            self.found_on_pgsql()
        argv = [self.binary, "up", "--data", str(self.data)]
        if self.demo:
            argv.append("--demo")
        if base_port and not (self.data / "platform.json").exists():
            argv += ["--base-port", "0"]
        argv += self.options
        self.log = open(self.data.parent / (self.data.name + ".log"), "ab")
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=self.log,
                                        preexec_fn=self.before)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready"):
            while True:
                more = self.process.stdout.readline().decode()
                if more.startswith("ready"):
                    break
                if not more:
                    raise Failure(f"up did not get ready: {line}\n{self.tail()}")
        self.endpoints = json.loads((self.data / "endpoints.json").read_text())
        return self

    def tail(self, n=60):
        path = self.data.parent / (self.data.name + ".log")
        return "\n".join(path.read_text(errors="replace").splitlines()[-n:])

    def stop(self, sig=signal.SIGINT, limit=60):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failure("up did not end within its time")
        status = self.process.returncode if self.process else None
        if self.process:
            self.process.stdout.close()
            self.log.close()
            self.process = None
        return status

    def __exit__(self, kind, value, trace):
        try:
            status = self.stop()
            if kind is None:
                equal(status, 0, "exit status of up after SIGINT")
        finally:
            if kind is not None:
                print(self.tail(), file=sys.stderr)
            if not self.keep:
                shutil.rmtree(self.data, ignore_errors=True)
                (self.data.parent / (self.data.name + ".log")).unlink(missing_ok=True)

    # ---- doors ----
    def officer(self, name):
        return self.data / "demo" / name

    def cli(self, *argv, status=0):
        return run(BINARY, *argv, status=status)

    def as_(self, name, *argv, status=0):
        """A command with the credential of that officer."""
        return self.cli(argv[0], *argv[1:], "--as", self.officer(name), status=status)

    def url(self, instance, kind):
        return self.endpoints["instances"][instance][kind]

    def https(self, officer, instance="shifan/ra", timeout=30):
        url = urllib.parse.urlsplit(self.url(instance, "api"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        ca = self.data / "demo/ca" / (instance.split("/")[0] + "-tls.pem")
        context.load_verify_locations(ca)
        if officer:
            d = self.officer(officer)
            context.load_cert_chain(d / "tls.pem", d / "tls.key", (d / "pin").read_text().strip())
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout, context=context)

    def call(self, officer, method, path, body=None, media=None, instance="shifan/ra"):
        """(status, headers, parsed JSON or bytes)"""
        c = self.https(officer, instance)
        try:
            c.request(method, path, body=body, headers={"Content-Type": media} if media else {})
            r = c.getresponse()
            data = r.read()
        finally:
            c.close()
        if "json" in (r.getheader("Content-Type") or ""):
            data = json.loads(data)
        return r.status, r.headers, data

    def as_instance(self, instance, target, method, path, body=None, media=None):
        """A client with an instance's own TLS credential, past its program: (status, parsed JSON)."""
        c = self.https(None, target)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.data / "demo/ca" / (target.split("/")[0] + "-tls.pem"))
        context.load_cert_chain(self.data / instance / "tls/cert.pem", self.data / instance / "tls/key.pem")
        c._context = context
        c.request(method, path, body=body, headers={"Content-Type": media} if media else {})
        r = c.getresponse()
        return r.status, json.loads(r.read() or b"{}")

    def ask_ca(self, application, approval):
        """One issuing request at the CA with the RA's credential: its result."""
        key = openssl("dgst", "-sm3", input=base64.b64decode(approval)).stdout.split(b"= ")[1].strip().decode()
        body = json.dumps({"requests": [{"key": key, "application": application, "approval": approval}]}).encode()
        status, answer = self.as_instance("shifan/ra", "shifan/ca", "POST", "/v1/requests", body, "application/json")
        if status != 200:
            return {"state": "refused", "error": answer}
        return answer["results"][0]

    def get(self, url, data=None, media=None):
        """Plain HTTP of a public listener: (status, headers, bytes)."""
        u = urllib.parse.urlsplit(url)
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=30)
        try:
            c.request("POST" if data is not None else "GET", u.path + ("?" + u.query if u.query else ""), body=data,
                      headers={"Content-Type": media} if media else {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def ca(self, name, form="pem"):
        return self.data / "demo/ca" / f"{name}.{form}"

    # ---- the tour ----
    def new_request(self, work, name="张三", kind="sm2"):
        """Key and CSR by OpenSSL, application data as a file."""
        work = pathlib.Path(work)
        work.mkdir(parents=True, exist_ok=True)
        key = work / "sign.key"
        if kind == "rsa":
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", key)
        else:
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:" + ("SM2" if kind == "sm2" else "P-256"), "-out", key)
        argv = ["req", "-new", "-utf8", "-key", key, "-subj", f"/C=CN/CN={name}", "-out", work / "sign.csr"]
        if kind == "sm2":
            argv += ["-sm3", "-sigopt", DISTID]
        openssl(*argv)
        (work / "application.json").write_text(json.dumps(person(name), ensure_ascii=False))
        (work / "id.png").write_bytes(b"\x89PNG evidence of " + name.encode())
        (work / "pin").write_text("246810\n")
        return work

    def apply(self, work, profile="person", cls="GOV", officer="entry", status=0, evidence="identity-document"):
        work = pathlib.Path(work)
        pieces = []
        for kind in [evidence] if isinstance(evidence, str) else evidence:
            pieces += ["--evidence", f"{kind}={work / 'id.png'}"]
        return self.as_(officer, "apply", "--profile", profile, "--class", cls, "--csr", work / "sign.csr", "--data",
                        work / "application.json", *pieces, status=status).stdout.decode().strip()

    def issue(self, work, fetch=(), limit=60, **kinds):
        """Apply, review by a second person, fetch; returns the application id."""
        work = pathlib.Path(work)
        app = self.apply(work, **kinds)
        self.as_("review", "review", app, "--approve")
        self.fetch(app, work, fetch, limit)
        return app

    def fetch(self, app, work, more=(), limit=60):
        until = time.monotonic() + limit
        while True:
            p = self.as_("entry", "fetch", app, "--out", work, *more, status=None)
            if p.returncode == 0:
                return p
            if p.returncode != 6 or time.monotonic() > until:
                raise Failure(f"fetch: exit {p.returncode}: {p.stderr.decode()}")
            time.sleep(0.1)


def citizen_number(sequence):
    """A made-up citizen number with its check digit (GB 11643); sequence up to 89,999."""
    body = f"110101{1990 - sequence // 1000}0307{sequence % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]


def credit_code(body):
    """A unified social credit code from its first 17 characters (GB 32100)."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + alphabet[(31 - total % 31) % 31]


def person(name, sequence=1):
    """Application data of the profile person."""
    document = {"type": "citizen", "number": citizen_number(sequence), "valid_until": "long-term"}
    return {"identity": {"name": name, "document": document, "province": "北京市"},
            "purpose": "电子公文交换", "region": "110000", "agreement": {"version": "1", "accepted": True},
            "duplicate": "accepted"}


def agent(sequence=500):
    """Who acts for an organisation."""
    document = {"type": "citizen", "number": citizen_number(sequence), "valid_until": "long-term"}
    return {"name": "经办人", "document": document, "phone": "13800138000"}


ORGANISATION = ("licence", "agent-letter", "agent-identity")  # evidence that the profile organisation wants


def serial_of(cert):
    """Lower-case hex without leading zeros."""
    text = openssl("x509", "-in", cert, "-noout", "-serial").stdout.decode().strip().split("=")[1]
    return text.lower().lstrip("0")


def main(tests):
    """Runs the test functions in order; prints each; exit 1 at the first failure."""
    for test in tests:
        started = time.monotonic()
        try:
            test()
        except Failure as failure:
            print(f"FAIL {test.__name__}: {failure}")
            sys.exit(1)
        print(f"ok {test.__name__} ({time.monotonic() - started:.1f} s)")
