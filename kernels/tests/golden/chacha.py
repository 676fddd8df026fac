"""Prints the golden values of the stream test from a ChaCha8 written apart from the crate. Usage: python3 chacha.py"""

import math
import struct

MASK = 0xFFFFFFFF


def rotate(x, n):
    return ((x << n) | (x >> (32 - n))) & MASK


def block(key, counter):
    start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key)) + [counter, 0, 0, 0]
    w = start[:]

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            w[x] = (w[x] + w[y]) & MASK
            w[z] = rotate(w[z] ^ w[x], n)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return b"".join(struct.pack("<I", (x + y) & MASK) for x, y in zip(w, start))


def draws(seed, purpose, step, sample, rollout, position):
    key = struct.pack("<QIIQII", seed, purpose, step, sample, rollout, position)
    return iter(struct.unpack("<32Q", b"".join(block(key, i) for i in range(4))))


def uniform(source):
    return (next(source) >> 11) / 2**53


def below(source, n):
    # The rejection zone is below n / 2^64 and is not met by these draws.
    return (next(source) * n) >> 64


def choose_distinct(source, n, k):
    items = list(range(n))
    for place in range(k):
        other = place + below(source, n - place)
        items[place], items[other] = items[other], items[place]
    return items[:k]


address = (1, 4, 2, 3, 4, 5)  # seed, purpose Rollout, step, sample, rollout, position
source = draws(*address)
print("bits", [next(source) for _ in range(4)])
source = draws(*address)
print("uniform", repr(uniform(source)))
print("below(1000)", below(source, 1000))
print("choose_distinct(10, 4)", choose_distinct(source, 10, 4))
radius = math.sqrt(-2 * math.log(1 - uniform(source)))
print("normal", repr(radius * math.cos(math.tau * uniform(source))))
print("doctest", below(draws(7, 1, 0, 0, 0, 0), 100))
