#!/usr/bin/env python3
"""A stranger's verifier of a log (docs/evidence.md): verify_log.py DATA.DB LOG CERTIFICATE HEADS…

Standard library for the tree, OpenSSL for SM3 and for the signatures under the heads; no code of the system.
Exit 0: every head holds; 1: something is wrong, named on the first line."""
import base64
import hashlib
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

DISTID = "distid:1234567812345678"


def sm3(data):
    return hashlib.new("sm3", data).digest()


def canonical(entry):
    """RFC 8785 of what entries hold: texts, integers, objects, arrays."""
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def leaf(entry):
    return sm3(b"\0" + entry)


def split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root(leaves):
    """RFC 9162, 2.1.1"""
    if not leaves:
        return sm3(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sm3(b"\1" + root(leaves[:k]) + root(leaves[k:]))


def inclusion(leaves, m):
    """2.1.3.1"""
    if len(leaves) < 2:
        return []
    k = split(len(leaves))
    if m < k:
        return inclusion(leaves[:k], m) + [root(leaves[k:])]
    return inclusion(leaves[k:], m - k) + [root(leaves[:k])]


def consistency(leaves, m, whole=True):
    """2.1.4.1"""
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return consistency(leaves[:k], m, whole) + [root(leaves[k:])]
    return consistency(leaves[k:], m - k, False) + [root(leaves[:k])]


# ---- a statement: SignedData of GM/T 0010 ----

def children(der):
    def one(at):
        n, p = der[at + 1], at + 2
        if n & 0x80:
            n, p = int.from_bytes(der[p:p + (n & 0x7f)], "big"), p + (n & 0x7f)
        return p, p + n
    at, end = one(0)
    out = []
    while at < end:
        _, stop = one(at)
        out.append(der[at:stop])
        at = stop
    return out


def body(element):
    n = element[1]
    return element[2 + (n & 0x7f if n & 0x80 else 0):]


def opened(der, certificate, work):
    """The signed JSON, after OpenSSL has accepted the signature under that certificate."""
    signed = children(children(der)[1])[0]
    parts = children(signed)
    content = body(children(children(parts[2])[1])[0])
    signature = body([e for e in children(children(parts[-1])[0]) if e[0] == 4][-1])
    (work / "content").write_bytes(content)
    (work / "signature").write_bytes(signature)
    form = [] if certificate.read_bytes().startswith(b"-----") else ["-inform", "DER"]
    key = subprocess.run(["openssl", "x509", *form, "-in", certificate, "-noout", "-pubkey"], check=True,
                         capture_output=True).stdout
    (work / "key").write_bytes(key)
    ok = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", work / "key",
                         "-pkeyopt", DISTID, "-in", work / "content", "-sigfile", work / "signature"],
                        capture_output=True)
    if ok.returncode != 0:
        raise ValueError("the signature under a head does not verify")
    return json.loads(content)


def verify(database, log, certificate, files):
    heads = {}
    with tempfile.TemporaryDirectory() as work:
        for name in files:
            for h in json.loads(pathlib.Path(name).read_text())["heads"]:
                said = opened(base64.b64decode(h["statement"]), pathlib.Path(certificate), pathlib.Path(work))
                if said["kind"] != "tree-head" or said["body"]["log"] != log:
                    raise ValueError("a statement of something else")
                heads.setdefault(said["body"]["size"], set()).add(said["body"]["root"])
    leaves = []
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    for idx, entry, sealed, kept in db.execute("SELECT idx, entry, sealed, leaf FROM log ORDER BY idx"):
        if idx != len(leaves):
            raise ValueError(f"entry {len(leaves)} is missing")
        if leaf(entry) != kept:
            raise ValueError(f"entry {idx} was altered")
        if json.loads(entry)["sealed"] != (sealed.hex() if sealed else None):
            raise ValueError(f"entry {idx}: sealed part")
        leaves.append(kept)
    for size, roots in sorted(heads.items()):
        if size > len(leaves):
            raise ValueError(f"{size} entries were witnessed, {len(leaves)} are here")
        if roots != {root(leaves[:size]).hex()}:
            raise ValueError(f"the first {size} entries are not those that were witnessed")
    return len(leaves), len(heads)


if __name__ == "__main__":
    try:
        print("{} entries, {} heads hold".format(*verify(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])))
    except (ValueError, KeyError, IndexError, sqlite3.Error) as e:
        print(e)
        sys.exit(1)
