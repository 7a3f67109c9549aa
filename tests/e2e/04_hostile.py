#!/usr/bin/env python3
"""Proves that the live listeners withstand hostile HTTP: smuggling probes, obs-fold, byte drip, oversize,
idle connections, half-closed and reset connections, TLS garbage; the service answers good requests meanwhile."""
import pathlib
import resource
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from yuandian import *  # noqa: E402,F403

platform = Platform().start()
PUBLIC = urllib.parse.urlsplit(platform.endpoints["public"]["crl"])


def connect(timeout=10):
    return socket.create_connection((PUBLIC.hostname, PUBLIC.port), timeout=timeout)


def exchange(data, timeout=15, shut=False):
    """Status codes of all answers until the server closes or goes silent."""
    with connect(timeout) as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
                if len(got) > 1 << 20:
                    break
        except (TimeoutError, ConnectionResetError):
            pass
    import re
    return [int(m) for m in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


def good():
    status, _, _ = platform.get(platform.endpoints["public"]["crl"] + "/sm2.crl")
    equal(status, 200, "a good request")


PROBES = {
    "two different lengths": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length with transfer encoding": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "signed length": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde",
    "negative length": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "space before the colon": b"GET /crl/sm2.crl HTTP/1.1\r\nHost : a\r\n\r\n",
    "obs-fold": b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "unknown coding": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "two codings": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "bare carriage return": b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "NUL in a header": b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    "no host": b"GET /crl/sm2.crl HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
    "bad chunk size": b"POST /ocsp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n",
    "NUL in the path": b"GET /crl/sm2%00.crl HTTP/1.1\r\nHost: a\r\n\r\n",
    "broken escape": b"GET /crl/sm2%zz.crl HTTP/1.1\r\nHost: a\r\n\r\n",
}


def smuggling_probes_are_refused():
    follow = b"GET /crl/sm2.crl HTTP/1.1\r\nHost: smuggled\r\n\r\n"
    for name, probe in PROBES.items():
        codes = exchange(probe + follow, timeout=4, shut=True)
        check(codes and codes[0] >= 400 and 200 not in codes, f"{name}: {codes}")
    good()


def limits_hold():
    codes = exchange(b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 100000 + b"\r\n\r\n", 5, True)
    check(codes and codes[0] in (400, 431), f"oversize header: {codes}")
    codes = exchange(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 5, True)
    check(codes and codes[0] in (400, 414, 431), f"oversize target: {codes}")
    many = b"".join(b"X%d: a\r\n" % i for i in range(2000))
    codes = exchange(b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\r\n" + many + b"\r\n", 5, True)
    check(codes and codes[0] in (400, 431), f"many headers: {codes}")
    codes = exchange(b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 100000000\r\n\r\n",
                     5, False)
    equal(codes[:1], [413], "oversize body refused before it is sent")
    codes = exchange(b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\na", 5, True)
    equal(codes[:1], [415], "wrong media type")
    codes = exchange(b"DELETE /ocsp HTTP/1.1\r\nHost: a\r\n\r\n", 5, True)
    equal(codes[:1], [405], "wrong method")
    good()


def dripping_clients_are_cut_off():
    """Total time counts, not silence: one byte a second keeps no connection for ever."""
    results = {}

    def drip(name, head, byte):
        started = time.monotonic()
        with connect(120) as s:
            s.sendall(head)
            try:
                while time.monotonic() - started < 100:
                    s.sendall(byte)
                    s.settimeout(1)
                    try:
                        if not s.recv(4096):
                            break
                    except TimeoutError:
                        pass
            except OSError:
                pass
        results[name] = time.monotonic() - started
    threads = [threading.Thread(target=drip, args=a) for a in (
        ("header", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a"),
        ("body", b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 4000\r\n\r\n", b"0"))]
    for t in threads:
        t.start()
    for _ in range(5):
        good()
    for t in threads:
        t.join()
    check(results["header"] < 90 and results["body"] < 90, f"cut off: {results}")


def ten_thousand_idle_connections_do_not_matter():
    wanted = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reachable = min(wanted, (hard if hard != resource.RLIM_INFINITY else 1 << 20) - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (reachable + 200, hard))
    held = []
    try:
        for i in range(reachable):
            s = socket.socket()
            s.bind((f"127.0.0.{2 + i // 5000}", 0))
            s.connect((PUBLIC.hostname, PUBLIC.port))
            held.append(s)
        print(f"   {len(held)} idle connections held")
        for _ in range(20):
            good()
    finally:
        for s in held:
            s.close()
    equal(len(held), wanted, "idle connections (the limit on open files must allow them)")
    good()


def resets_and_half_closed_connections_are_survived():
    for i in range(200):
        s = connect()
        s.sendall(b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 500\r\n\r\n" + b"x" * i)
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            s.shutdown(socket.SHUT_WR)
        s.close()
    good()
    codes = exchange(b"GET /crl/sm2.crl HTTP/1.1\r\nHost: a\r\n\r\n" * 50, 5, True)
    equal(codes, [200] * 50, "fifty pipelined requests, half-closed")


def tls_garbage_is_survived():
    api = urllib.parse.urlsplit(platform.url("shifan/ra", "api"))
    import random
    random.seed(1)
    for i in range(100):
        with socket.create_connection((api.hostname, api.port), timeout=5) as s:
            s.sendall((b"\x16\x03\x01" if i % 2 else b"") + random.randbytes(300))
    with socket.create_connection((api.hostname, api.port), timeout=5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            got = s.recv(4096)
        except OSError:
            got = b""
        check(b"200" not in got, "plain HTTP on the TLS port")
    status, _, _ = platform.call("entry", "GET", "/v1/applications")
    equal(status, 200, "officers are still served")


def ends():
    equal(platform.stop(), 0, "exit status")
    shutil.rmtree(platform.data)


main([smuggling_probes_are_refused, limits_hold, dripping_clients_are_cut_off, ten_thousand_idle_connections_do_not_matter,
      resets_and_half_closed_connections_are_survived, tls_garbage_is_survived, ends])
