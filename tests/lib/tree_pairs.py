#!/usr/bin/env python3
"""All heads and proofs of a tree of up to 1,000 leaves (RFC 9162, 2.1), from the definition alone: prints the SM3 over
every root, inclusion proof and consistency proof, in the order that src/evidence/tree_pairs_test.c has them.  Leaf i is
SM3 of the text "leaf i".  The constant in that test comes from here."""
import functools
import hashlib
import sys

sys.setrecursionlimit(10000)
SIZE = 1000


def sm3(data):
    return hashlib.new("sm3", data).digest()


LEAF = [sm3(b"leaf %d" % i) for i in range(SIZE)]


def split(n):
    return 1 << ((n - 1).bit_length() - 1)


@functools.lru_cache(maxsize=None)
def root(a, n):
    if n == 0:
        return sm3(b"")
    if n == 1:
        return LEAF[a]
    k = split(n)
    return sm3(b"\1" + root(a, k) + root(a + k, n - k))


def inclusion(m, a, n):
    if n == 1:
        return b""
    k = split(n)
    if m < k:
        return inclusion(m, a, k) + root(a + k, n - k)
    return inclusion(m - k, a + k, n - k) + root(a, k)


def consistency(m, a, n, whole):
    if m == n:
        return b"" if whole else root(a, n)
    k = split(n)
    if m <= k:
        return consistency(m, a, k, whole) + root(a + k, n - k)
    return consistency(m - k, a + k, n - k, False) + root(a, k)


digest = hashlib.new("sm3")
for n in range(SIZE + 1):
    digest.update(root(0, n))
    for m in range(n):
        digest.update(inclusion(m, 0, n))
    for m in range(1, n + 1):
        digest.update(consistency(m, 0, n, True))
print(digest.hexdigest())
