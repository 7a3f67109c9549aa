#!/usr/bin/env python3
"""Makes tests/data/{cert,csr,crl,ocsp,name}/{good,bad}/NAME.der and NAME.why.  Run once, the files are kept in git:
keys and signatures are fresh in each run.  Good files come from the openssl command, bad ones are good ones
with one rule broken.  The first word of a bad file's .why is the name of the refusal."""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent / "data"
work = pathlib.Path(tempfile.mkdtemp())
ID = "1234567812345678"


def openssl(*argv, data=None):
    p = subprocess.run(["openssl", *map(str, argv)], input=data, capture_output=True, cwd=work)
    if p.returncode != 0:
        sys.exit(f"openssl {argv}: {p.stderr.decode()}")
    return p.stdout


# ---- DER: a node is [tag, bytes] or [tag, [nodes]] ----

def length(n):
    if n < 128:
        return bytes([n])
    b = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(b)]) + b


def tlv(tag, content):
    return bytes([tag]) + length(len(content)) + content


def enc(node):
    if isinstance(node, bytes):
        return node
    tag, v = node
    return tlv(tag, v if isinstance(v, bytes) else b"".join(enc(x) for x in v))


def dec(b):
    nodes, i = [], 0
    while i < len(b):
        tag, n, k = b[i], b[i + 1], i + 2
        if n & 0x80:
            c = n & 0x7f
            n, k = int.from_bytes(b[k:k + c], "big"), k + c
        v = b[k:k + n]
        nodes.append([tag, dec(v) if tag & 0x20 else v])
        i = k + n
    return nodes


def one(b):
    return dec(b)[0]


def oid(dotted):
    a = [int(x) for x in dotted.split(".")]
    out = b""
    for v in [a[0] * 40 + a[1]] + a[2:]:
        s = [v & 0x7f]
        while v > 0x7f:
            v >>= 7
            s.insert(0, 0x80 | v & 0x7f)
        out += bytes(s)
    return [6, out]


def seq(*n):
    return [0x30, list(n)]


SM2_ALG = seq(oid("1.2.156.10197.1.501"))
NULL = [5, b""]


def put(kind, verdict, name, der, why):
    d = ROOT / kind / verdict
    d.mkdir(parents=True, exist_ok=True)
    (d / f"{name}.der").write_bytes(der if isinstance(der, bytes) else enc(der))
    (d / f"{name}.why").write_text(why + "\n")


# ---- keys ----

def key(name, *args):
    openssl("genpkey", *args, "-out", f"{name}.key")
    openssl("pkey", "-in", f"{name}.key", "-pubout", "-outform", "DER", "-out", f"{name}.spki")
    return name


def ec(curve):
    return ("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")


KEYS = {
    "root": ec("SM2"), "sub": ec("SM2"), "p256": ec("P-256"), "p256leaf": ec("P-256"), "p384": ec("P-384"),
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
    "rsa2048": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), "ed": ("-algorithm", "ED25519"),
}


def spki(name):
    return one((work / f"{name}.spki").read_bytes())


def sign_sm2(name, tbs, distid=ID):
    (work / "tbs").write_bytes(tbs)
    opt = ("-pkeyopt", f"distid:{distid}") if distid else ()
    return openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", f"{name}.key", "-in", "tbs", *opt)


def signed(name, tbs, alg=None, distid=ID):
    tbs = enc(tbs)
    return seq(tbs, alg or SM2_ALG, [3, b"\0" + sign_sm2(name, tbs, distid)])


EXT_LEAF = """
[e]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,nonRepudiation
extendedKeyUsage=clientAuth,emailProtection
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=URI:urn:uuid:7d9f1c52-4b4e-4d0c-9a57-0c2f1f0f7a11,email:a@example.cn,DNS:www.example.cn,IP:192.0.2.1,IP:2001:db8::1
certificatePolicies=1.3.6.1.4.1.32473.1.1,@p
crlDistributionPoints=URI:http://127.0.0.1:7440/crl/sm2.crl
authorityInfoAccess=OCSP;URI:http://127.0.0.1:7440/ocsp,caIssuers;URI:http://127.0.0.1:7440/ca/sm2.cer
[p]
policyIdentifier=1.3.6.1.4.1.32473.1.2
CPS.1=http://example.cn/cps
"""
EXT_CA = "[e]\nbasicConstraints=critical,CA:TRUE,pathlen:3\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"


def csr(name, subject, *more, distid=ID):
    sm2 = ("-sm3", "-sigopt", f"distid:{distid}") if distid and KEYS[name][-1].endswith("SM2") else ()
    if not sm2:
        sm2 = ("-sm3",) if KEYS[name][-1].endswith("SM2") else ("-sha256",)
    return openssl("req", "-new", "-utf8", "-key", f"{name}.key", "-subj", subject, "-outform", "DER", *sm2, *more)


def cert(name, subject, ca=None, ext=EXT_LEAF, digest=None, days=3650, more=()):
    """By `openssl x509 -req`; SM2 with the standard id."""
    signer = ca or name
    sm2 = KEYS[signer][-1].endswith("SM2")
    own = KEYS[name][-1].endswith("SM2")
    (work / "r.csr").write_bytes(csr(name, subject, *more))
    (work / "e.cnf").write_text(ext or "")
    args = ["x509", "-req", "-in", "r.csr", "-inform", "DER", "-outform", "DER", "-days", days]
    args += ["-extfile", "e.cnf", "-extensions", "e"] if ext else []
    args += ["-CA", f"{ca}.cer", "-CAkey", f"{ca}.key", "-set_serial", "0x4a17c3d2e1f00918273645546372810f"] if ca else \
        ["-signkey", f"{name}.key", "-set_serial", "0x51a2b3c4d5e6f70811223344"]
    args += ["-vfyopt", f"distid:{ID}"] if own else []
    args += ["-sm3", "-sigopt", f"distid:{ID}"] if sm2 else [digest or "-sha256"]
    der = openssl(*args)
    (work / f"{name}.cer").write_bytes(der)
    return der


# ---- certificates ----

def good_certs():
    c = {}
    c["sm2-root"] = cert("root", "/C=CN/O=示范/CN=示范根", ext=EXT_CA), "self-signed SM2 root by OpenSSL"
    c["sm2-leaf"] = cert("sub", "/C=CN/ST=福建省/O=示范市数据管理局/CN=张三", ca="root"), "SM2 leaf with every extension we read"
    c["p256-root"] = cert("p256", "/C=CN/O=Demo/CN=P-256 root", ext=EXT_CA), "self-signed P-256 root"
    c["p256-leaf"] = cert("p256leaf", "/C=CN/CN=www.example.cn", ca="p256"), "P-256 leaf"
    c["rsa-root"] = cert("rsa", "/C=CN/O=Demo/CN=RSA root", ext=EXT_CA), "self-signed RSA-3072 root"
    c["sha384"] = cert("p256leaf", "/CN=sha384", ca="p256", digest="-sha384"), "parses; its algorithm is not ours, so it never verifies"
    c["v1"] = cert("p256leaf", "/C=CN/CN=v1", ca="p256", ext=None), "X.509 v1 without extensions"
    c["multi-rdn"] = cert("sub", "/C=CN/CN=张三+serialNumber=42/OU=甲+OU=乙", ca="root", more=("-multivalue-rdn",)), "RDNs of two attributes (X.501 9.3)"
    c["dc"] = cert("p256leaf", "/DC=cn/DC=example/emailAddress=a@example.cn/CN=a, b=\\\\\\+c", ca="p256"), "IA5String attributes, characters that RFC 4514 escapes"
    cert("p256leaf", "/C=CN/CN=again", ca="p256")
    return c


def edited(der, fn, signer="root"):
    """One rule broken, or a rare form made: fn changes the tree of the TBS; signed anew so that only the rule is wrong."""
    n = one(der)
    tbs = n[1][0]
    alg = fn(tbs) or SM2_ALG
    return signed(signer, tbs, alg)


def rare_certs(leaf):
    c = {}

    def null(t):
        t[1][2] = seq(oid("1.2.156.10197.1.501"), NULL)
        return t[1][2]
    c["sm2-null"] = edited(leaf, null), "NULL behind .501, as in certificates of the national root (standards.md 8)"

    def late(t):
        t[1][4] = seq([0x17, b"491231235959Z"], [0x18, b"20500101000000Z"])
    c["year-2050"] = edited(leaf, late), "UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5)"

    def forever(t):
        t[1][4] = seq([0x17, b"500101000000Z"], [0x18, b"99991231235959Z"])
    c["no-end"] = edited(leaf, forever), "from 1950 to no well-defined end (RFC 5280 4.1.2.5)"

    def strings(t):
        t[1][5] = seq([0x31, [seq(oid("2.5.4.3"), [0x1e, "示范".encode("utf-16-be")])]],
                      [0x31, [seq(oid("2.5.4.10"), [0x14, b"Teletex"])]], [0x31, [seq(oid("1.2.3.4"), [0x0c, b"x"])]])
    c["old-strings"] = edited(leaf, strings), "BMPString, TeletexString, unknown attribute type: read, shown as #hex"

    def unknown(t):
        t[1][7][1][0][1].append(seq(oid("1.2.156.10260.4.1.1"), [1, b"\xff"], [4, b"\x0c\x01a"]))
    c["unknown-critical"] = edited(leaf, unknown), "critical extension we do not know: parses, no chain accepts it"

    def serial20(t):
        t[1][1] = [2, b"\x7f" + b"\xff" * 19]
    c["serial-20"] = edited(leaf, serial20), "serial number of 20 octets"

    def empty_subject(t):
        t[1][5] = seq()
    c["empty-subject"] = edited(leaf, empty_subject), "no subject: parses, lint objects unless subjectAltName is critical"
    return c


def ext_of(t, dotted):
    for e in t[1][7][1][0][1]:
        if e[1][0] == oid(dotted):
            return e
    raise KeyError(dotted)


def value(t, dotted, v):
    ext_of(t, dotted)[1][-1] = [4, enc(v)]


def bad_certs(leaf):
    raw = leaf
    c = {}

    def bad(name, err, why, fn):
        c[name] = edited(leaf, fn), f"{err}: {why}"

    def field(i, node):
        return lambda t: t[1].__setitem__(i, node)

    def ext(dotted, node):
        return lambda t: value(t, dotted, node)

    body = raw[4:]
    c["trailing"] = raw + b"\0", "certificate: a byte after the end"
    c["cut"] = raw[:-1], "certificate: the last byte is missing"
    c["long-length"] = b"\x30\x83\x00" + raw[2:4] + body, "certificate: length not minimal (X.690 10.1)"
    c["indefinite"] = b"\x30\x80" + body + b"\0\0", "certificate: indefinite length (X.690 10.1)"
    c["high-tag"] = b"\x3f\x10" + raw[1:], "certificate: not a SEQUENCE"
    c["empty"] = b"", "certificate: nothing"
    bad("negative-serial", "certificate", "negative serial number (RFC 5280 4.1.2.2)", field(1, [2, b"\x80\1\2\3\4\5\6\7"]))
    bad("zero-serial", "certificate", "serial number zero (RFC 5280 4.1.2.2)", field(1, [2, b"\0"]))
    bad("padded-serial", "certificate", "INTEGER not minimal (X.690 8.3.2)", field(1, [2, b"\0\1\2\3\4\5\6\7"]))
    bad("serial-21", "certificate", "serial number of 21 octets (RFC 5280 4.1.2.2)", field(1, [2, b"\0" + b"\xff" * 20]))
    bad("v2-extensions", "certificate", "extensions in v2 (RFC 5280 4.1.2.1)", field(0, [0xa0, [[2, b"\1"]]]))
    bad("version-default", "certificate", "v1 written out (X.690 11.5)", field(0, [0xa0, [[2, b"\0"]]]))
    bad("version-4", "certificate", "version 4", field(0, [0xa0, [[2, b"\3"]]]))
    bad("algorithms-differ", "certificate", "inner and outer algorithm differ (RFC 5280 4.1.1.2)",
        lambda t: seq(oid("1.2.156.10197.1.501"), NULL))
    for name, node, why in (
            ("utc-no-seconds", [0x17, b"2611220000Z"], "UTCTime without seconds"),
            ("utc-offset", [0x17, b"261122000000+0800"], "UTCTime with an offset"),
            ("gtime-early", [0x18, b"20261122000000Z"], "GeneralizedTime before 2050"),
            ("gtime-fraction", [0x18, b"20501122000000.5Z"], "GeneralizedTime with a fraction"),
            ("february-30", [0x17, b"260230000000Z"], "30 February"),
            ("second-60", [0x17, b"261231235960Z"], "second 60")):
        bad(name, "certificate", f"{why} (RFC 5280 4.1.2.5)", field(4, seq(node, [0x17, b"491231235959Z"])))
    bad("empty-issuer", "certificate", "no issuer (RFC 5280 4.1.2.4)", field(3, seq()))
    bad("rdn-empty", "name", "RDN without attribute (RFC 5280 4.1.2.4)", field(5, seq([0x31, []])))
    a, b = seq(oid("2.5.4.10"), [12, b"a"]), seq(oid("2.5.4.3"), [12, b"b"])
    bad("rdn-unsorted", "name", "SET OF not sorted (X.690 11.6)", field(5, seq([0x31, [a, b]])))
    bad("name-utf8", "name", "UTF8String that is not UTF-8 (RFC 3629 3)", field(5, seq([0x31, [seq(oid("2.5.4.3"), [12, b"\xc0\x80"])]])))
    bad("name-ascii", "name", "PrintableString with a byte above 127", field(5, seq([0x31, [seq(oid("2.5.4.3"), [19, b"\xe9"])]])))
    bad("unique-id", "certificate", "unique identifier (RFC 5280 4.1.2.8)", lambda t: t[1].insert(7, [0x81, b"\0\1"]))
    # keys
    for name, k, err, why in (("p384", "p384", "public-key-curve", "curve P-384"), ("rsa-2048", "rsa2048", "public-key-weak", "RSA of 2048 bits"),
                              ("ed25519", "ed", "public-key", "Ed25519")):
        bad(name, err, why, field(6, spki(k)))

    def point(curve, octets):
        return seq(seq(oid("1.2.840.10045.2.1"), oid(curve)), [3, b"\0" + octets])
    sm2, p256 = "1.2.156.10197.1.301", "1.2.840.10045.3.1.7"
    good_point = spki("sub")[1][1][1][1:]
    good_p256 = spki("p256")[1][1][1][1:]
    for curve, p, short in ((sm2, good_point, "sm2"), (p256, good_p256, "p256")):
        bad(f"{short}-off-curve", "public-key-curve", "point not on the curve", field(6, point(curve, p[:-1] + bytes([p[-1] ^ 1]))))
        bad(f"{short}-compressed", "public-key-curve", "compressed point", field(6, point(curve, bytes([2 + p[-1] % 2]) + p[1:33])))
        bad(f"{short}-infinity", "public-key-curve", "point at infinity", field(6, point(curve, b"\0")))
    bad("sm2-too-large", "public-key-curve", "coordinate not below p", field(6, point(sm2, b"\4" + b"\xff" * 64)))
    bad("wrong-curve", "public-key-curve", "a point of P-256 called one of SM2", field(6, point(sm2, good_p256)))
    bad("spki-no-curve", "public-key", "id-ecPublicKey without parameters", field(6, seq(seq(oid("1.2.840.10045.2.1")), [3, b"\0" + good_point])))
    n, e = one(spki("rsa")[1][1][1][1:])[1]

    def rsa(n, e, params=NULL):
        return seq(seq(oid("1.2.840.113549.1.1.1"), params), [3, b"\0" + enc(seq(n, e))])
    bad("rsa-exponent-1", "public-key-weak", "exponent 1", field(6, rsa(n, [2, b"\1"])))
    bad("rsa-exponent-even", "public-key-weak", "even exponent", field(6, rsa(n, [2, b"\1\0\0"])))
    bad("rsa-even", "public-key-weak", "even modulus", field(6, rsa([2, n[1][:-1] + b"\0"], e)))
    bad("rsa-no-null", "public-key", "rsaEncryption without NULL (RFC 3279 2.3.1)", field(6, seq(seq(oid("1.2.840.113549.1.1.1")), spki("rsa")[1][1])))
    # extensions
    bad("extension-twice", "certificate", "an extension twice (RFC 5280 4.2)",
        lambda t: t[1][7][1][0][1].append(ext_of(t, "2.5.29.14")))
    bad("critical-false", "certificate", "critical FALSE written out (X.690 11.5)",
        lambda t: ext_of(t, "2.5.29.14")[1].insert(1, [1, b"\0"]))
    bad("critical-1", "certificate", "TRUE is not 0xff (X.690 11.1)", lambda t: ext_of(t, "2.5.29.15")[1].__setitem__(1, [1, b"\1"]))
    bad("no-extension", "certificate", "empty list of extensions", lambda t: t[1].__setitem__(7, [0xa3, [seq()]]))
    bad("extension-tail", "certificate", "bytes behind an extension's value",
        lambda t: ext_of(t, "2.5.29.14")[1].__setitem__(1, [4, b"\4\1a\0"]))
    bad("usage-none", "certificate", "keyUsage without a bit (RFC 5280 4.2.1.3)", ext("2.5.29.15", [3, b"\0"]))
    bad("usage-zeros", "certificate", "named bits end in zeros (X.690 11.2.2)", ext("2.5.29.15", [3, b"\0\xc0"]))
    bad("usage-ten", "certificate", "a tenth bit of keyUsage", ext("2.5.29.15", [3, b"\6\0\x40"]))
    bad("basic-false", "certificate", "cA FALSE written out (X.690 11.5)", ext("2.5.29.19", seq([1, b"\0"])))
    bad("path-no-ca", "certificate", "pathLenConstraint without cA (RFC 5280 4.2.1.9)", ext("2.5.29.19", seq([2, b"\0"])))
    bad("eku-empty", "certificate", "extKeyUsage without purpose (RFC 5280 4.2.1.12)", ext("2.5.29.37", seq()))
    bad("ski-empty", "certificate", "empty subjectKeyIdentifier", ext("2.5.29.14", [4, b""]))
    bad("san-empty", "certificate", "subjectAltName without name (RFC 5280 4.2.1.6)", ext("2.5.29.17", seq()))
    bad("san-ip-5", "certificate", "IP address of 5 bytes (RFC 5280 4.2.1.6)", ext("2.5.29.17", seq([0x87, b"\1\2\3\4\5"])))
    bad("san-dns-nul", "certificate", "NUL in a host name", ext("2.5.29.17", seq([0x82, b"www.example.cn\0.evil.cn"])))
    bad("san-uri-high", "certificate", "URI that is not ASCII", ext("2.5.29.17", seq([0x86, "http://例".encode()])))
    bad("san-tag-9", "certificate", "a ninth kind of GeneralName", ext("2.5.29.17", seq([0x89, b"a"])))
    p = seq(oid("1.3.6.1.4.1.32473.1.1"))
    bad("policy-twice", "certificate", "a policy twice (RFC 5280 4.2.1.4)", ext("2.5.29.32", seq(p, p)))
    bad("crldp-empty", "certificate", "no distribution point (RFC 5280 4.2.1.13)", ext("2.5.29.31", seq()))
    bad("aia-empty", "certificate", "no access description (RFC 5280 4.2.2.1)", ext("1.3.6.1.5.5.7.1.1", seq()))
    bad("oid-padded", "certificate", "OBJECT IDENTIFIER not minimal (X.690 8.19.2)", ext("2.5.29.37", seq([6, b"\x2b\x80\x06"])))
    n = one(leaf)
    n[1][2][1] = b"\1" + n[1][2][1][1:-1] + bytes([n[1][2][1][-1] & 0xfe])
    c["signature-bits"] = enc(n), "certificate: signature with an unused bit"
    return c


# ---- requests ----

def good_csrs():
    config = work / "q.cnf"
    config.write_text("[req]\nprompt=no\ndistinguished_name=d\nattributes=a\nreq_extensions=x\n[d]\nCN=a\n[a]\nchallengePassword=geheim42\n"
                      "[x]\nsubjectAltName=DNS:www.example.cn\n")
    sub = "/C=CN/CN=张三"
    c = {
        "sm2": (csr("sub", sub), "SM2, standard id"),
        "sm2-empty-id": (csr("sub", sub, distid=None), "SM2 as plain `openssl req` signs it: empty id (standards.md 8)"),
        "p256": (csr("p256", "/CN=p256"), "P-256"),
        "rsa": (csr("rsa", "/CN=rsa"), "RSA-3072"),
        "attributes": (openssl("req", "-new", "-key", "sub.key", "-config", config, "-sm3", "-sigopt", f"distid:{ID}", "-outform", "DER"), "challengePassword and extensionRequest"),
        "empty-subject": (csr("sub", "/"), "no subject: the profile gives it"),
    }
    info = one(c["sm2"][0])[1][0]
    bare = [0x30, info[1][:3]]
    c["no-attributes"] = signed("sub", bare), "[0] left out, as some tokens do"
    gm = [0x30, info[1][:3] + [[0xa0, [seq(oid("1.2.156.10197.6.1.4.1.10.3"), [0x31, [[19, b"111111"]]])]]]]
    c["gm-challenge"] = signed("sub", gm), "challengePassword of GM/T 0092"
    other = [0x30, info[1][:3] + [[0xa0, [seq(oid("1.2.840.113549.1.9.63"), [0x31, [[4, b"\1\2"]]])]]]]
    c["other-attribute"] = signed("sub", other), "an attribute we do not know (CFCA's) is read over"
    return c


def bad_csrs(good):
    c = {}
    info = one(good)[1][0]
    version, subject, k = info[1][:3]

    def bad(name, err, why, *parts, signer="sub", alg=None):
        c[name] = signed(signer, [0x30, list(parts)], alg), f"{err}: {why}"

    def attrs(*a):
        return [0xa0, list(a)]
    none = attrs()
    challenge = seq(oid("1.2.840.113549.1.9.7"), [0x31, [[19, b"111111"]]])
    c["trailing"] = good + b"\0", "csr: a byte after the end"
    n = one(good)
    n[1][2][1] = n[1][2][1][:-1] + bytes([n[1][2][1][-1] ^ 1])
    c["signature"] = enc(n), "csr-proof: one bit of the signature (R06.9)"
    n = one(good)
    n[1][0][1][1] = one(csr("p256", "/C=CN/CN=李四"))[1][0][1][1]
    c["subject"] = enc(n), "csr-proof: another subject under the signature (R06.9)"
    bad("other-key", "csr-proof", "signed with a key that is not the one inside (R06.9)", version, subject, k, none, signer="root")
    c["other-id"] = signed("sub", info, None, "ALICE123@YAHOO.COM"), "csr-proof: neither the standard id nor the empty one (R06.15)"
    bad("version-1", "csr", "version is not 0 (RFC 2986 4.1)", [2, b"\1"], subject, k, none)
    bad("p384", "public-key-curve", "curve P-384", version, subject, spki("p384"), none)
    off = one(enc(k))
    off[1][1][1] = off[1][1][1][:-1] + bytes([off[1][1][1][-1] ^ 1])
    bad("off-curve", "public-key-curve", "point not on the curve", version, subject, off, none)
    c["rsa-2048"] = csr("rsa2048", "/CN=rsa"), "public-key-weak: RSA of 2048 bits"
    bad("other-algorithm", "signature-algorithm", "P-256 key, SM2 signature", version, subject, spki("p256"), none)
    c["sha384"] = openssl("req", "-new", "-key", "p256.key", "-subj", "/CN=a", "-sha384", "-outform", "DER"), \
        "signature-algorithm: ecdsa-with-SHA384"
    bad("challenge-twice", "csr", "challengePassword twice", version, subject, k,
        attrs(challenge, seq(oid("1.2.156.10197.6.1.4.1.10.3"), [0x31, [[19, b"111111"]]])))
    bad("challenge-number", "csr", "challengePassword is not a string", version, subject, k,
        attrs(seq(oid("1.2.840.113549.1.9.7"), [0x31, [[2, b"\1"]]])))
    bad("challenge-two", "csr", "challengePassword with two values (RFC 2985 5.4.1)", version, subject, k,
        attrs(seq(oid("1.2.840.113549.1.9.7"), [0x31, [[19, b"1"], [19, b"2"]]])))
    bad("attribute-empty", "csr", "attribute without a value (RFC 2986 4.1)", version, subject, k,
        attrs(seq(oid("1.2.3.4"), [0x31, []])))
    bad("attributes-unsorted", "csr", "SET OF not sorted (X.690 11.6)", version, subject, k,
        attrs(seq(oid("1.2.3.5"), [0x31, [NULL]]), seq(oid("1.2.3.4"), [0x31, [NULL]])))
    bad("name", "name", "UTF8String that is not UTF-8", version, seq([0x31, [seq(oid("2.5.4.3"), [12, b"\xff"])]]), k, none)
    return c


# ---- revocation lists ----

def crl_of(entries, name="root", extra=(), times=((0x17, b"261122000000Z"), (0x17, b"261129000000Z")), version=([2, b"\1"],), alg=SM2_ALG):
    issuer = one((work / f"{name}.cer").read_bytes())[1][0][1][5]
    x = [seq(oid("2.5.29.20"), [4, enc([2, b"\7"])]), *extra]
    return [0x30, [*version, alg, issuer, *[list(t) for t in times], *entries, [0xa0, [seq(*x)]]]]


def entry(serial, *x):
    e = [[2, serial], [0x17, b"261101120000Z"]]
    return seq(*(e + [seq(*x)] if x else e))


def crls():
    good, bad = {}, {}
    (work / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\n"
                                 "default_crl_days=7\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n")
    (work / "index.txt").write_text(
        "R\t361122000000Z\t261101120000Z,keyCompromise\t4A17C3D2E1F00918\tunknown\t/CN=a\n"
        "R\t361122000000Z\t261102120000Z,keyTime,20261030000000Z\t4A17C3D2E1F00919\tunknown\t/CN=b\n"
        "R\t361122000000Z\t261103120000Z\t80FFC3D2E1F00920\tunknown\t/CN=c\n")
    (work / "number").write_text("0A\n")
    for name, more in (("sm2", ("-md", "sm3", "-sigopt", f"distid:{ID}")), ("p256", ())):
        who = "root" if name == "sm2" else "p256"
        openssl("ca", "-gencrl", "-config", "ca.cnf", "-cert", f"{who}.pem", "-keyfile", f"{who}.key", "-out", "c.pem", *more)
        good[name] = openssl("crl", "-in", "c.pem", "-outform", "DER"), "three entries by `openssl ca`: reason, key compromise time, plain"
    good["empty"] = signed("root", crl_of([])), "nothing revoked: the list is left out (RFC 5280 5.1.2.6)"
    reason = seq(oid("2.5.29.21"), [4, enc([10, b"\4"])])
    idp = seq(oid("2.5.29.28"), [1, b"\xff"], [4, enc(seq([0xa0, [[0xa0, [[0x86, b"http://127.0.0.1/c.crl"]]]]], [0x81, b"\xff"]))])
    good["idp"] = signed("root", crl_of([seq(entry(b"\1", reason))], extra=(idp,))), "issuingDistributionPoint for user certificates"
    delta = seq(oid("2.5.29.27"), [1, b"\xff"], [4, b"\2\1\1"])
    good["delta"] = signed("root", crl_of([seq(entry(b"\1", reason))], extra=(delta,))), "deltaCRLIndicator: read and named"
    good["no-next"] = signed("root", crl_of([], times=((0x17, b"261122000000Z"),))), "nextUpdate absent: read, flagged by 0"

    def refuse(name, why, tbs, **k):
        bad[name] = signed("root", tbs, **k), f"crl: {why}"
    bad["trailing"] = good["p256"][0] + b"\0", "crl: a byte after the end"
    refuse("v1", "no version (RFC 5280 5.1.2.1)", crl_of([], version=()))
    refuse("version-1", "v1 written out", crl_of([], version=([2, b"\0"],)))
    refuse("empty-list", "an empty list is written out (RFC 5280 5.1.2.6)", crl_of([seq()]))
    refuse("reason-7", "reason 7 is not used (RFC 5280 5.3.1)", crl_of([seq(entry(b"\1", seq(oid("2.5.29.21"), [4, enc([10, b"\7"])])))]))
    refuse("entry-critical", "critical entry extension (RFC 5280 5.3)",
           crl_of([seq(entry(b"\1", seq(oid("2.5.29.29"), [1, b"\xff"], [4, b"\x30\0"])))]))
    refuse("entry-negative", "negative serial number", crl_of([seq(entry(b"\x81"))]))
    refuse("entry-tail", "more behind the extensions of an entry", crl_of([seq(seq([2, b"\1"], [0x17, b"261101120000Z"], seq(reason), NULL))]))
    refuse("idp-false", "flag FALSE written out (X.690 11.5)",
           crl_of([], extra=(seq(oid("2.5.29.28"), [1, b"\xff"], [4, enc(seq([0x81, b"\0"]))]),)))
    refuse("extension-twice", "an extension twice", crl_of([], extra=(seq(oid("2.5.29.20"), [4, enc([2, b"\7"])]),)))
    refuse("algorithms-differ", "inner and outer algorithm differ (RFC 5280 5.1.1.2)", crl_of([]), alg=seq(oid("1.2.156.10197.1.501"), NULL))
    refuse("gtime-early", "GeneralizedTime before 2050 (RFC 5280 5.1.2.4)", crl_of([], times=((0x18, b"20261122000000Z"),)))
    return good, bad


# ---- OCSP ----

def ocsps():
    good, bad = {}, {}
    (work / "resp.cnf").write_text("[e]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\n")
    for name, more in (("sha1", ("-no_nonce",)), ("sha1-nonce", ()), ("sha256", ("-sha256",)), ("sm3", ("-sm3",))):
        openssl("ocsp", *(m for m in more if m != "-no_nonce"), "-issuer", "p256.pem", "-cert", "p256leaf.pem", "-serial", "0x42",
                *(m for m in more if m == "-no_nonce"), "-reqout", "q.der")
        good[f"request-{name}"] = (work / "q.der").read_bytes(), "two certificates, by `openssl ocsp`"
    serial = f"{int.from_bytes(one((work / 'p256leaf.cer').read_bytes())[1][0][1][1][1], 'big'):X}"
    (work / "index.txt").write_text(f"R\t361122000000Z\t261101120000Z,keyCompromise\t{serial}\tunknown\t/CN=a\n"
                                    "V\t361122000000Z\t\t42\tunknown\t/CN=b\n")
    (work / "q.der").write_bytes(good["request-sha1-nonce"][0])
    openssl("ocsp", "-index", "index.txt", "-CA", "p256.pem", "-rsigner", "p256.pem", "-rkey", "p256.key", "-reqin", "q.der",
            "-ndays", "7", "-respout", "r.der")
    good["response-issuer"] = (work / "r.der").read_bytes(), "signed by the issuer: one revoked, one good"
    openssl("ocsp", "-index", "index.txt", "-CA", "p256.pem", "-rsigner", "p256.pem", "-rkey", "p256.key", "-reqin", "q.der",
            "-resp_key_id", "-respout", "r.der")
    good["response-by-key"] = (work / "r.der").read_bytes(), "responder named by its key; no nextUpdate"
    good["response-try-later"] = b"\x30\3\x0a\1\3", "no answer now"
    (work / "good-response").write_bytes(good["response-issuer"][0])

    plain = one(good["request-sha1"][0])
    single = plain[1][0][1][0][1][0]

    def request(*tbs):
        return seq([0x30, list(tbs)])

    def exts(*x):
        return [0xa2, [seq(*x)]]

    def nonce(v):
        return seq(oid("1.3.6.1.5.5.7.48.1.2"), [4, v])
    good["request-nonce-1"] = request(seq(single), exts(nonce(b"\4\1a"))), "nonce of one byte (RFC 9654 2.1)"
    good["request-nonce-128"] = request(seq(single), exts(nonce(enc([4, b"a" * 128])))), "nonce of 128 bytes"
    good["request-20"] = request(seq(*[single] * 20)), "as many certificates as we take"
    good["request-unknown-extension"] = request(seq(single), exts(seq(oid("1.2.3.4"), [4, b""]))), "an extension that is not critical is read over"

    def refuse(name, why, node):
        bad[f"request-{name}"] = node if isinstance(node, bytes) else enc(node), f"ocsp-request: {why}"
    refuse("21", "21 certificates", request(seq(*[single] * 21)))
    refuse("none", "no certificate (RFC 6960 4.1.1)", request(seq()))
    refuse("trailing", "a byte after the end", good["request-sha1"][0] + b"\0")
    refuse("version", "v1 written out (X.690 11.5)", request([0xa0, [[2, b"\0"]]], seq(single)))
    refuse("nonce-0", "empty nonce (RFC 9654 2.1)", request(seq(single), exts(nonce(b"\4\0"))))
    refuse("nonce-129", "nonce of 129 bytes (RFC 9654 2.1)", request(seq(single), exts(nonce(enc([4, b"a" * 129])))))
    refuse("nonce-bare", "nonce without its OCTET STRING (RFC 9654 2.1)", request(seq(single), exts(nonce(b"abcd"))))
    refuse("critical", "critical extension (RFC 6960 4.4)", request(seq(single), exts(seq(oid("1.2.3.4"), [1, b"\xff"], [4, b""]))))
    neg = one(enc(single))
    neg[1][0][1][3] = [2, b"\x81"]
    refuse("negative", "negative serial number", request(seq(neg)))
    long = one(enc(single))
    long[1][0][1][3] = [2, b"\1" * 21]
    refuse("serial-21", "serial number of 21 octets", request(seq(long)))
    bad["response-status-4"] = b"\x30\3\x0a\1\4", "ocsp-response: status 4 is not used (RFC 6960 4.2.1)"
    bad["response-status-7"] = b"\x30\3\x0a\1\7", "ocsp-response: unknown status"
    bad["response-trailing"] = good["response-issuer"][0] + b"\0", "ocsp-response: a byte after the end"
    n = one(good["response-issuer"][0])
    n[1][1][1][0][1][0] = oid("1.2.3.4")
    bad["response-other-type"] = enc(n), "ocsp-response: not a basic one (RFC 6960 4.2.1)"
    bad["response-no-bytes"] = b"\x30\3\x0a\1\0", "ocsp-response: successful without an answer"
    return good, bad


def main():
    for name, args in KEYS.items():
        key(name, *args)
    good = good_certs()
    leaf = good["sm2-leaf"][0]
    good.update(rare_certs(leaf))
    for name in ("root", "p256", "p256leaf"):
        (work / f"{name}.pem").write_bytes(openssl("x509", "-in", f"{name}.cer", "-inform", "DER"))
    requests = good_csrs()
    lists, bad_lists = crls()
    answers, bad_answers = ocsps()
    for kind, verdict, items in (
            ("cert", "good", good), ("cert", "bad", bad_certs(leaf)), ("csr", "good", requests),
            ("csr", "bad", bad_csrs(requests["sm2"][0])), ("crl", "good", lists), ("crl", "bad", bad_lists),
            ("ocsp", "good", answers), ("ocsp", "bad", bad_answers)):
        for name, (der, why) in items.items():
            put(kind, verdict, name, der, why)
        print(kind, verdict, len(items))


sys.exit(main())
