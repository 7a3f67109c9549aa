#!/usr/bin/env python3
"""Update, extension and replacement of certificates, recovery of encryption keys (R21.3, R21.4, R21.5, R06.14, H03.2,
H03.5), from outside: what the holder and the officers do, on a clock that is stepped; OpenSSL judges."""
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import (DISTID, Platform, check, children, citizen_number, contents, credit_code, equal, main, openssl,
                      person, serial_of)

work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-e2e-"))
platform = None
app_of = {}
DAY = 86400


def new_key(d, name, key=None):
    """A signing key and its request, by OpenSSL; key: an old one again."""
    d.mkdir(parents=True, exist_ok=True)
    if key is None:
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", d / "sign.key")
    else:
        (d / "sign.key").write_bytes(pathlib.Path(key).read_bytes())
    openssl("req", "-new", "-utf8", "-key", d / "sign.key", "-subj", f"/C=CN/CN={name}", "-out", d / "sign.csr",
            "-sm3", "-sigopt", DISTID)
    (d / "pin").write_text("246810\n")
    return d


def named(d):
    """CA/SERIAL of a delivered signing certificate."""
    return "sm2/" + serial_of(d / "sign.pem")


def deliver(app, d):
    platform.fetch(app, d, ("--key", d / "sign.key", "--pin-file", d / "pin"))


def first(d, name, sequence=1):
    """First issue to acceptance."""
    platform.new_request(d, name)
    (d / "application.json").write_text(json.dumps(person(name, sequence), ensure_ascii=False))
    app = platform.apply(d)
    platform.as_("review", "review", app, "--approve")
    deliver(app, d)
    platform.as_("entry", "accept", app)
    return app


def follow(verb, old, d, holder=False, status=0, evidence=True, lang="zh"):
    """update, extend or replace: the application id, or the failed command."""
    argv = [verb, named(old), "--profile", "person", "--class", "GOV", "--csr", d / "sign.csr", "--data",
            work / "zhang/application.json", "--lang", lang]
    if holder:
        argv += ["--key", old / "sign.key", "--certificate", old / "sign.pem", "--endpoints",
                 platform.data / "endpoints.json"]
        p = platform.cli(*argv, status=status)
    else:
        if evidence:
            argv += ["--evidence", f"identity-document={work / 'zhang/id.png'}"]
        p = platform.as_("entry", *argv, status=status)
    return p.stdout.decode().strip() if status == 0 else p


def approve_and_fetch(app, d, *more):
    platform.as_("review", "review", app, "--approve", *more)
    argv = ("fetch", app, "--out", d, "--key", d / "sign.key", "--pin-file", d / "pin", "--wait", "20")
    platform.as_("review", *argv)
    app_of[d.name] = app


def step(seconds):
    platform.cli("clock", "--data", platform.data, "step", f"+{seconds}")


def encrypt(d, text):
    """To the encryption certificate in d, by OpenSSL."""
    (d / "plain").write_text(text)
    openssl("pkeyutl", "-encrypt", "-certin", "-inkey", d / "enc.pem", "-in", d / "plain", "-out", d / "secret")


def readable(secret, key, pin, text):
    p = openssl("pkeyutl", "-decrypt", "-inkey", key, "-passin", f"file:{pin}", "-in", secret, status=None)
    return p.returncode == 0 and p.stdout.decode() == text


def link(cert, issuer):
    """One link of the chain; the time is the test clock's, which OpenSSL does not know."""
    openssl("verify", "-no_check_time", "-partial_chain", "-vfyopt", DISTID, "-CAfile", issuer, cert)


def modulus(cert):
    return openssl("x509", "-in", cert, "-noout", "-pubkey").stdout


def end_of(cert):
    return openssl("x509", "-in", cert, "-noout", "-enddate").stdout


def setup():
    platform.new_request(work / "zhang", "张三")
    app = platform.apply(work / "zhang")
    platform.as_("review", "review", app, "--approve", "--days", "100")
    deliver(app, work / "zhang")
    platform.as_("entry", "accept", app)
    encrypt(work / "zhang", "第一代密文")
    check(readable(work / "zhang/secret", work / "zhang/enc.key", work / "zhang/pin", "第一代密文"),
          "the document is readable with its own key")


def update_by_the_holder():
    """R21.3: signed with the old key, without evidence; the reviewer still decides.  H03.2"""
    old, new = work / "zhang", new_key(work / "zhang2", "张三")
    step(60 * DAY)
    app = follow("update", old, new, holder=True)
    approve_and_fetch(app, new, "--days", "100")
    check(modulus(old / "enc.pem") != modulus(new / "enc.pem"), "an update has new keys")
    encrypt(new, "第二代密文")
    check(readable(new / "secret", new / "enc.key", new / "pin", "第二代密文"), "the new key works")
    link(new / "sign.pem", platform.ca("sm2"))
    # the old one is superseded: valid until it ends, but followed only once
    equal(status_of(old), "good", "the old certificate stays valid")
    app = follow("update", old, new_key(work / "again", "张三"))
    platform.as_("review", "review", app, "--approve")
    refused(app, "certificate-state")
    # nobody applies with the key of another
    lisi = work / "lisi"
    first(lisi, "李四", 7)
    p = platform.cli("update", named(new), "--profile", "person", "--class", "GOV", "--csr", work / "again/sign.csr",
                     "--data", work / "zhang/application.json", "--key", lisi / "sign.key", "--certificate",
                     lisi / "sign.pem", "--endpoints", platform.data / "endpoints.json", "--lang", "en", status=3)
    check(b"(basis" in p.stderr, f"another holder does not authenticate: {p.stderr}")
    # an old key is no new key
    p = follow("update", new, new_key(work / "same", "张三", old / "sign.key"), status=5, lang="en")
    check(b"(same-key" in p.stderr, "the key was certified before")
    platform.as_("review", "accept", app_of["zhang2"])


def after_expiry():
    """R21.3: after the end the holder's signature alone is refused; an officer enters it with full evidence."""
    old, new = work / "zhang2", new_key(work / "zhang3", "张三")
    step(101 * DAY)
    p = follow("update", old, new, holder=True, status=None, lang="en")
    check(p.returncode != 0 and b"statement-expired" in p.stderr, "the holder's key has ended with its certificate")
    p = follow("update", old, new, evidence=False, status=None, lang="en")
    check(p.returncode != 0 and b"(evidence" in p.stderr, "an officer brings full evidence")
    app = follow("update", old, new)
    approve_and_fetch(app, new, "--days", "100")
    platform.as_("review", "accept", app)


def extension():
    """R21.4: same keys, same beginning, later end; nothing is sealed anew and the old envelope still opens."""
    old = work / "zhang3"
    new = new_key(work / "zhang3x", "张三", old / "sign.key")
    step(20 * DAY)
    app = follow("extend", old, new, holder=True)
    approve_and_fetch(app, new, "--days", "90")
    equal(modulus(new / "enc.pem"), modulus(old / "enc.pem"), "the encryption key stays")
    equal(modulus(new / "sign.pem"), modulus(old / "sign.pem"), "the signing key stays")
    start = [openssl("x509", "-in", d / "sign.pem", "-noout", "-startdate").stdout for d in (old, new)]
    equal(start[0], start[1], "the beginning stays")
    check(end_of(new / "sign.pem") != end_of(old / "sign.pem"), "the end is later")
    equal((new / "enc.key").exists(), True, "the old envelope still opens")
    link(new / "enc.pem", platform.ca("sm2"))
    platform.as_("review", "accept", app)
    # another key is no extension
    p = follow("extend", new, new_key(work / "other", "张三"), status=3, lang="en")
    check(b"(basis" in p.stderr, "an extension keeps the key")


def replacement():
    """R21.5 (3): a damaged token: new key, the old certificates end at once."""
    old, new = work / "zhang3x", new_key(work / "zhang4", "张三")
    encrypt(old, "第三代密文")
    app = follow("replace", old, new)
    # the old encryption key comes along in the same delivery, once its recovery is decided
    case = platform.as_("entry", "recover", named(old), "--all", "--csr", new / "sign.csr", "--ground",
                        "REPLACE-1").stdout.decode().strip()
    for who in ("review", "recovery-1", "recovery-2"):
        platform.as_(who, "recover", case, "--approve")
    platform.as_("entry", "recover", case, "--fetch", "--out", new / "alone")
    approve_and_fetch(app, new, "--days", "100")
    equal(status_of(old), "revoked", "the old signing certificate")
    equal(status_of(old, "enc.pem"), "revoked", "the old encryption certificate")
    equal(status_of(new), "good", "the new one")
    key = new / (serial_of(work / "zhang3/enc.pem") + ".key")
    check(readable(old / "secret", key, new / "pin", "第三代密文"), "the extended certificate's document is readable")
    platform.as_("review", "accept", app)


def recovery():
    """R21.5, R06.14, H03.5: a document encrypted to a key two generations old is readable after recovery; one agent
    alone cannot; the recovered key reaches only the new token."""
    new = new_key(work / "token", "张三")
    oldest, second = work / "zhang", work / "zhang2"
    case = platform.as_("entry", "recover", "sm2/" + serial_of(oldest / "enc.pem"), "sm2/" + serial_of(second / "enc.pem"),
                        "--csr", new / "sign.csr", "--ground", "CASE-2026-7", "--reason", "密码器损坏").stdout.decode().strip()
    fetch = ("recover", case, "--fetch", "--out", new / "out", "--key", new / "sign.key", "--pin-file", new / "pin",
             "--lang", "en")
    equal(platform.as_("entry", *fetch, status=None).returncode, 6, "nothing is there before the review")
    # the clerk does not review his own case, and agents do not see it before the review
    check(platform.as_("entry", "recover", case, "--approve", status=None).returncode != 0, "the clerk does not review")
    check(platform.as_("recovery-1", "recover", case, "--approve", status=None).returncode != 0, "no agent before the review")
    equal(platform.as_("review", "recover", case, "--approve").stdout.decode().strip(), "approved", "review")
    equal(platform.as_("entry", *fetch, status=None).returncode, 6, "no agent has approved")
    equal(platform.as_("recovery-1", "recover", case, "--approve").stdout.decode().strip(), "1", "one agent")
    equal(platform.as_("recovery-1", "recover", case, "--approve").stdout.decode().strip(), "1", "the same agent again")
    equal(platform.as_("entry", *fetch, status=None).returncode, 6, "one agent alone cannot")
    # nobody else decides at the centre
    for who in ("kmc-operator",):
        check(platform.as_(who, "recover", case, "--approve", status=None).returncode == 3, f"{who} does not decide")
    equal(platform.as_("recovery-2", "recover", case, "--approve").stdout.decode().strip(), "2", "two agents")
    platform.as_("entry", *fetch)
    for d, text in ((oldest, "第一代密文"), (second, "第二代密文")):
        key = new / "out" / (serial_of(d / "enc.pem") + ".key")
        check(readable(d / "secret", key, new / "pin", text), f"the document of {d.name} is readable")
    # only the new token opens the envelope
    other = new_key(work / "thief", "张三")
    p = platform.as_("entry", *fetch[:4], other / "out", "--key", other / "sign.key", "--pin-file", other / "pin",
                     status=None)
    check(p.returncode != 0 and not list((other / "out").glob("*.key")), "another key opens nothing")
    status, _, body = platform.call("kmc-operator", "GET", "/v1/keys", instance="keycentre/kmc")
    equal((status, body["recovered"]), (200, 5), "the centre counts what was recovered")
    # a case names keys of one holder only
    p = platform.as_("entry", "recover", "sm2/" + serial_of(work / "lisi/enc.pem"), named(oldest), "--csr",
                     new / "sign.csr", "--ground", "X", "--lang", "en", status=None)
    check(p.returncode in (0, 2), "keys of another holder are not among the first one's")


def doors_of_the_centre():
    """No officer of another institution, and no agent, asks with GM/T 0014; roles count at home only."""
    for who in ("recovery-1", "kmc-operator"):
        status, _, _ = platform.call(who, "POST", "/gmt0014", b"x", "application/octet-stream", "keycentre/kmc")
        equal(status, 403, f"/gmt0014 for {who}")
    for path in ("/v1/recoveries", "/v1/keys"):
        c = platform.https("auditor", "keycentre/kmc")
        try:
            c.request("GET", path)
            equal(c.getresponse().status, 403, f"{path} for an auditor of the institution")
        finally:
            c.close()


def judicial():
    """R06.14: a procedure of its own: legal document, two recovery officers, the key for the authority's certificate
    alone; OpenSSL opens the envelope with the authority's key."""
    court = work / "court"
    court.mkdir()
    openssl("req", "-new", "-x509", "-newkey", "sm2", "-noenc", "-keyout", court / "key", "-out", court / "cert.pem", "-utf8",
            "-subj", "/C=CN/O=示范市中级人民法院/CN=调取专用", "-days", "900", "-sm3", "-sigopt", DISTID)
    (court / "order.pdf").write_bytes(b"%PDF order of the court")
    serial = serial_of(work / "zhang/enc.pem")
    order = ("recover", serial, "--judicial", "--institution", "shifan", "--certificate", court / "cert.pem", "--authority",
             "示范市中级人民法院", "--document", court / "order.pdf", "--number", "（2026）示01调7号", "--ground", "NCA-2026-12")
    for who in ("kmc-operator", "entry", "regulator"):
        check(platform.as_(who, *order, status=None).returncode != 0, f"{who} brings no judicial order")
    case = platform.as_("recovery-1", *order).stdout.decode().strip()
    fetch = ("recover", case, "--judicial", "--fetch", "--out", court / "out")
    check(platform.as_("recovery-1", *fetch, status=None).returncode == 3, "one officer alone cannot")
    check(platform.as_("recovery-1", "recover", case, "--judicial", "--approve", status=None).returncode == 3,
          "who brought the order does not count twice")
    platform.as_("recovery-2", "recover", case, "--judicial", "--approve")
    platform.as_("recovery-2", *fetch)
    envelope = (court / "out" / (serial + ".env")).read_bytes()
    fields = children(envelope)
    recipient = children(children(fields[1])[0]) if fields[1][0] == 0x31 else children(fields[1])
    content = children(fields[3])[2]
    (court / "sealed").write_bytes(contents(recipient[-1]))
    sm4 = openssl("pkeyutl", "-decrypt", "-inkey", court / "key", "-in", court / "sealed").stdout
    plain = openssl("enc", "-d", "-sm4-ecb", "-K", sm4.hex(), "-nopad", input=contents(content)).stdout
    want = openssl("pkey", "-in", work / "zhang/enc.key", "-passin", f"file:{work / 'zhang/pin'}", "-noout", "-text").stdout.decode()
    digits = "".join(want.split("priv:")[1].split("pub:")[0].split()).replace(":", "")
    equal(plain[-32:].hex(), digits[-64:], "the key that the court reads is the holder's encryption key")


def status_of(d, file="sign.pem"):
    """By OpenSSL's OCSP client."""
    import time
    for _ in range(50):
        p = openssl("ocsp", "-issuer", platform.ca("sm2"), "-cert", d / file, "-url", platform.url("shifan/status", "public") +
                    "/ocsp", "-noverify", "-no_nonce", status=None)
        text = p.stdout.decode()
        if "good" in text or "revoked" in text:
            return "revoked" if "revoked" in text else "good"
        time.sleep(0.1)
    return text


def refused(app, code):
    """The CA refuses; the RA tells why."""
    import time
    for _ in range(100):
        status, _, body = platform.call("review", "GET", f"/v1/applications/{app}")
        equal(status, 200, "status of the application")
        if body["state"] == "refused":
            break
        time.sleep(0.1)
    equal(body["history"][-1]["code"], code, "why the CA refused")


def submit(folder, name, rows):
    """A list of staff; the answer of the submission, issued once approved."""
    header = ("name,document.type,document.number,document.valid_until,organisation,organisation_code,department,csr" +
              (",updates" if rows[0].count(",") == 8 else ""))
    (folder / name).write_text("\r\n".join([header, *rows]) + "\r\n")
    p = platform.as_("entry", "batch", "submit", folder / name, "--profile", "staff", "--class", "GOV", "--data",
                     folder / "common.json", "--evidence", f"identity-document={folder / 'id.png'}", "--evidence",
                     f"unit-letter={folder / 'id.png'}", "--json", status=None)
    check(p.returncode in (0, 6), f"batch submit: {p.stdout} {p.stderr}")
    return json.loads(p.stdout)


def show(batch):
    return json.loads(platform.as_("review", "batch", "show", batch["id"], "--json").stdout)


def issue_all(batch, n):
    import time
    platform.as_("review", "review", "--batch", batch["id"], "--approve")
    for _ in range(300):
        if show(batch)["applications"].get("issued") == n:
            break
        time.sleep(0.1)
    equal(show(batch)["applications"], {"issued": n}, "all are issued")
    return [r[0] for r in platform.rows("shifan/ra", f"SELECT id FROM application WHERE batch = '{batch['id']}' ORDER BY seq")]


def a_department_moves():
    """Staff of one organisation go over to another: one list, looked at before anything is issued, each with a new
    key and the new organisation in the certificate; the old one is followed once only."""
    folder, n = work / "move", 24
    folder.mkdir()
    (folder / "id.png").write_bytes(b"a scan")
    (folder / "common.json").write_text(json.dumps({"purpose": "办公", "region": "110000",
                                                    "agreement": {"version": "1", "accepted": True}}))
    for k in range(2 * n):
        new_key(folder / str(k), f"员工{k % n}")
    codes = [credit_code("91110000" + x) for x in ("600037341", "600037342")]
    row = lambda k, to, key: (f"员工{k},citizen,{citizen_number(700 + k)},long-term,机构{to},{codes[to]},科室,{key}/sign.csr")
    first_ids = issue_all(submit(folder, "staff.csv", [row(k, 0, k) for k in range(n)]), n)
    for k, app in enumerate(first_ids):
        platform.fetch(app, folder / str(k))
        platform.as_("entry", "accept", app)
    moves = [row(k, 1, n + k) + "," + named(folder / str(k)) for k in range(n)]
    # looked at first: entered, and nothing issued before a second person has approved
    batch = submit(folder, "move.csv", moves)
    errors = platform.as_("entry", "batch", "show", batch["id"], "--errors", "--json").stdout.decode()
    equal((batch["lines"], batch["done"], batch["errors"]), (n, n, 0), f"the preview {errors}")
    equal(show(batch)["applications"], {"entered": n}, "nothing is issued yet")
    for k, app in enumerate(issue_all(batch, n)):
        platform.fetch(app, folder / str(n + k))
    text = lambda d: openssl("x509", "-in", folder / d / "sign.pem", "-noout", "-text", "-nameopt",
                             "utf8").stdout.decode()
    for k in (0, n - 1):
        old, new = text(str(k)), text(str(n + k))
        check("机构0" in old and "机构1" in new and "机构0" not in new, "the new organisation")
        uuid = lambda t: t.split("urn:uuid:")[1][:36]
        equal(uuid(old), uuid(new), "the same person")
        check(named(folder / str(k)) != named(folder / str(n + k)), "another certificate")
    for k in range(2 * n, 2 * n + 2):
        new_key(folder / str(k), "再来")
    again = [row(k, 1, 2 * n + k) + "," + named(folder / str(k)) for k in range(2)]
    again[1] = again[1].rsplit("/", 1)[0] + "/abcdef"
    batch = submit(folder, "again.csv", again)
    check(batch["errors"] >= 1, f"a certificate that does not exist is not followed: {batch}")


if __name__ == "__main__":
    tests = [setup, a_department_moves, update_by_the_holder, after_expiry, extension, replacement, recovery, judicial, doors_of_the_centre]
    with Platform("--test-clock") as platform:
        main(tests)
