#!/usr/bin/env python3
"""Proves that strangers read our messages (R06.10, R06.15): OpenSSL's command line and Bouncy Castle take the
stored statements, key envelopes, GM/T 0014 messages and key files; no line of our code takes part."""
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

DATA = ROOT / "tests/data"
JARS = "/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar"
work = pathlib.Path(tempfile.mkdtemp(prefix="yuandian-messages-"))


def judge(*argv, status=0):
    return run("java", "-Xshare:auto", "-cp", f"{work}:{JARS}", "Messages", *argv, status=status)


def sm3(data):
    return openssl("dgst", "-sm3", "-binary", input=data).stdout


def verify_raw(message, signature, public, status=0):
    (work / "m").write_bytes(message)
    (work / "s").write_bytes(signature)
    return openssl("pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pkeyopt", DISTID, "-pubin", "-inkey", public,
                   "-sigfile", work / "s", "-in", work / "m", status=status)


def parts_of_statement(path):
    """Signed content, certificate, signature, by position in GM/T 0010 SignedData."""
    signed = children(children(path.read_bytes())[1])[0]
    version, digests, info, certificates, signers = children(signed)
    content = contents(children(children(info)[1])[0])
    signer = children(children(signers)[0])
    equal(len(signer), 5, "fields of SignerInfo without attributes")
    return content, children(certificates)[0], contents(signer[4])


def compiles_the_judge():
    run("javac", "-cp", JARS, "-d", work, ROOT / "tests/judges/Messages.java")


def openssl_verifies_every_statement():
    paths = sorted((DATA / "statement/good").glob("*.p7s"))
    check(len(paths) >= 9, "one sample per kind")
    for path in paths:
        content, certificate, signature = parts_of_statement(path)
        public = public_key(certificate, work / "pub.pem")
        verify_raw(content, signature, public)
        verify_raw(content[:-1] + b" ", signature, public, status=1)
        text = json.loads(content)
        equal(text["kind"], path.stem, "kind")
        equal(text["signer"]["certificate"], sm3(certificate).hex(), "certificate named")
        # RFC 8785 of our subset: sorted members, no spaces, UTF-8 as it is.
        equal(json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(), content, "canonical")


def bouncy_castle_verifies_statements():
    for kind in ("approval", "role-grant"):
        out = judge("statement", DATA / f"statement/good/{kind}.p7s").stdout
        equal(json.loads(out)["kind"], kind, "kind")


def openssl_opens_the_enveloped_key():
    """Recipe for a subscriber with nothing but `openssl`: unwrap the SM4 key, decrypt the scalar, compare points."""
    keys = DATA / "envelope/keys"
    algorithm, cipher, point, body = children((DATA / "envelope/good/sm2.der").read_bytes())
    openssl("pkey", "-inform", "DER", "-in", keys / "receiver.der", "-out", work / "receiver.pem")
    key = openssl("pkeyutl", "-decrypt", "-inkey", work / "receiver.pem", input=cipher).stdout
    equal(len(key), 16, "SM4 key")
    d = openssl("enc", "-d", "-sm4-ecb", "-nopad", "-K", key.hex(), input=contents(body)[1:]).stdout
    # ECPrivateKey with the curve, no point: OpenSSL computes the public half.
    ec = b"\x30\x31\x02\x01\x01\x04\x20" + d + bytes.fromhex("a00a06082a811ccf5501822d")
    info = bytes.fromhex("020100301306072a8648ce3d020106082a811ccf5501822d04") + bytes([len(ec)]) + ec
    public = openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER",
                     input=b"\x30" + bytes([len(info)]) + info).stdout
    check(public.endswith(contents(point)[1:]), "public half of the opened key")
    equal(public, openssl("pkey", "-inform", "DER", "-in", keys / "delivered.der", "-pubout", "-outform", "DER").stdout,
          "the delivered key")


def bouncy_castle_opens_the_enveloped_key():
    keys = DATA / "envelope/keys"
    judge("envelope", DATA / "envelope/good/sm2.der", keys / "receiver.der", keys / "delivered.der")
    judge("envelope", DATA / "envelope/good/sm2.der", keys / "kmc.der", keys / "delivered.der", status=1)


def openssl_verifies_the_key_centres_messages():
    """The certificate of the stored messages' signer has the key of the stored request's CA name."""
    for name in ("request", "respond", "request-explicit"):
        tbs, algorithm, signature = children((DATA / f"km/good/{name}.der").read_bytes())
        check(bytes.fromhex("2a811ccf55018375") in algorithm, "sm2sign-with-sm3")
        # EntName carries SM3 of the key; the key itself is the fixed test key number 1.
        d = bytes((7 + 3 * i + 1) & 0xff for i in range(32))
        ec = b"\x30\x31\x02\x01\x01\x04\x20" + d + bytes.fromhex("a00a06082a811ccf5501822d")
        info = bytes.fromhex("020100301306072a8648ce3d020106082a811ccf5501822d0433") + ec
        p = openssl("pkey", "-inform", "DER", "-pubout", input=b"\x30" + bytes([len(info)]) + info).stdout
        (work / "km.pem").write_bytes(p)
        point = openssl("pkey", "-pubin", "-in", work / "km.pem", "-outform", "DER").stdout[-65:]
        equal(contents(children(children(tbs)[1])[2]), sm3(point), "entPubKeyHash")
        verify_raw(tbs, contents(signature), work / "km.pem")


def openssl_opens_key_files():
    out = openssl("pkcs12", "-in", DATA / "pkcs12/good/sm2.p12", "-passin", "pass:tour2026", "-nodes").stdout
    check(b"BEGIN PRIVATE KEY" in out and b"BEGIN CERTIFICATE" in out, "key and certificate")
    openssl("pkcs12", "-in", DATA / "pkcs12/good/sm2.p12", "-passin", "pass:wrong", "-nodes", status=1)


def ends():
    shutil.rmtree(work)


main([compiles_the_judge, openssl_verifies_every_statement, bouncy_castle_verifies_statements,
      openssl_opens_the_enveloped_key, bouncy_castle_opens_the_enveloped_key,
      openssl_verifies_the_key_centres_messages, openssl_opens_key_files, ends])
