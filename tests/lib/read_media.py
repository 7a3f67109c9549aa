#!/usr/bin/env python3
"""A stranger's reader of a storage place (docs/evidence.md, Media): read_media.py PLACE

Standard library, OpenSSL for SM3 and SM4; no code of the system.  Prints what lies in the place and what is wrong."""
import hashlib
import pathlib
import struct
import subprocess
import sys
import zlib

LIVE, DESTROYED = 1, 2


def sm3(data):
    return hashlib.new("sm3", data).digest()


def slots(path, segment):
    """The state and wrapped key of each slot; None for one that is not whole."""
    data = path.read_bytes()
    for n in range(len(data) // 64):
        s = data[64 * n:64 * n + 64]
        whole = (s[0] in (LIVE, DESTROYED) and s[1:4] == bytes(3) and struct.unpack(">I", s[4:8])[0] == n and
                 sm3(struct.pack(">I", segment) + s[:52])[:12] == s[52:] and (s[0] == LIVE or not any(s[8:52])))
        yield (s[0], s[8:52]) if whole else None


def frames(path, segment):
    """(offset, slot, id, nonce, (sealed, length of the content), tag) of each whole frame."""
    data = path.read_bytes()
    at = 0
    while (at := data.find(b"YDF1", at)) >= 0:
        head = data[at:at + 72]
        if len(head) == 72:
            number, slot, length = struct.unpack(">III", head[4:16])
            end = at + 88 + length
            if number == segment and data[end:end + 32] == sm3(data[at:end]):
                yield at, slot, head[24:56], head[56:68], (data[at + 72:at + 72 + length], struct.unpack(">I", head[68:])[0]), data[end - 16:end]
                at = end + 32
                continue
        at += 1


def items(place):
    """{(segment, slot, offset): (id, nonce, sealed, state, wrapped, length)}; state and key None without a whole slot."""
    found = {}
    for path in sorted(pathlib.Path(place).glob("*.seg")):
        segment = int(path.stem)
        keys = list(slots(path.with_suffix(".key"), segment))
        for offset, slot, name, nonce, (sealed, length), _ in frames(path, segment):
            state = keys[slot] if slot < len(keys) else None
            found[segment, slot, offset] = (name, nonce, sealed, *(state or (None, None)), length)
    return found


def sm4_gcm_open(key, nonce, sealed):
    """The tag is not looked at: the content has its hash."""
    return subprocess.run(["openssl", "enc", "-d", "-sm4-ctr", "-K", key.hex(), "-iv", (nonce + b"\0\0\0\2").hex()],
                          input=sealed, capture_output=True, check=True).stdout


def content(item, top):
    """Of an item whose key is wrapped by the key top."""
    name, nonce, sealed, _, wrapped, length = item
    text = sm4_gcm_open(sm4_gcm_open(top, wrapped[:12], wrapped[12:28]), nonce, sealed)
    if len(text) < length:
        text = zlib.decompress(text, -15)
    if sm3(text) != name:
        raise ValueError("the content is not that of its hash")
    return text


if __name__ == "__main__":
    for (segment, slot, offset), (name, _, _, state, _, length) in items(sys.argv[1]).items():
        print(segment, slot, offset, length, name.hex(), {LIVE: "live", DESTROYED: "destroyed"}.get(state, "no key"))
