"""Pairs of texts from integers alone, so that a test in another language makes the same ones: `pairs.rs` beside this file does.

The generator is SplitMix64 (Steele, Lea and Flood 2014). A draw below n is the next output modulo n.
"""

import pathlib

MASK = (1 << 64) - 1
WORDS = (pathlib.Path(__file__).resolve().parent / "words.txt").read_text(encoding="utf-8").split()
ASCII_WORDS = [word for word in WORDS if word.isascii()]
ALPHABETS = [
    "a",
    "ab",
    "abcd",
    "abcdefgh",
    "abcdefghijklmnopqrstuvwxyz",
    "etaoin shrdlu,.ETAOINSHRDLU0123456789cmfwypvbgkjqxz",
    "aé\u0301\u0308ß雨\U0001f642\U0001d4b3\U0010ffff\x00\u200d\ud7ff\ue000 ",
]


class Rng:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n


def block(first, size):
    return [chr(first + k) for k in range(size)]


def alphabet(rng):
    kind = rng.below(10)
    if kind < 7:
        return list(ALPHABETS[kind])
    if kind == 7:
        return block(0x4E00, 2 + rng.below(60))
    if kind == 8:
        return block(0x1F600, 40 + rng.below(200))
    return block(0x3400, 300 + rng.below(1000))


def noise(rng, letters, size):
    return [letters[rng.below(len(letters))] for _ in range(size)]


def prose(rng, words, size):
    """Words, the first of the list most often, with punctuation: `size` characters."""
    text = []
    while len(text) < size:
        text += words[rng.below(len(words)) * rng.below(len(words)) // len(words)]
        end = rng.below(20)
        text += ". " if end == 0 else ", " if end == 1 else "\n" if end == 2 else " "
    return text[:size]


def edited(rng, text, letters, edits):
    """Characters put in, taken out or replaced."""
    text = list(text)
    for _ in range(edits):
        at = rng.below(len(text) + 1)
        kind = rng.below(3)
        if kind == 0 or at == len(text):
            text.insert(at, letters[rng.below(len(letters))])
        elif kind == 1:
            del text[at]
        else:
            text[at] = letters[rng.below(len(letters))]
    return text


def permuted(rng, text):
    """The words between spaces in another order."""
    words = "".join(text).split(" ")
    for last in range(len(words) - 1, 0, -1):
        other = rng.below(last + 1)
        words[last], words[other] = words[other], words[last]
    return list(" ".join(words))


def repeated(rng, letters, size):
    """A unit over and over, with a foreign character now and then."""
    unit = noise(rng, letters, 1 + rng.below(1 + min(size, 2 * len(letters))))
    text = [unit[k % len(unit)] for k in range(size)]
    return edited(rng, text, ["~"], rng.below(4))


def junky(rng, size):
    """Two letters everywhere and rare ones here and there: with 200 or more, only the rare ones start matches."""
    rare = block(0x41, 1 + rng.below(26))
    return [rare[rng.below(len(rare))] if rng.below(12) == 0 else "ab"[rng.below(2)] for _ in range(size)]


def length(rng):
    kind = rng.below(8)
    if kind == 0:
        return rng.below(4)
    if kind == 1:
        return rng.below(30)
    if kind == 2:
        return 190 + rng.below(22)
    if kind == 3:
        return 197 + rng.below(6)
    if kind == 4:
        return rng.below(200)
    if kind == 5:
        return 200 + rng.below(120)
    if kind == 6:
        return rng.below(700)
    return 40


def case(number):
    """Test pair `number`: random and adversarial, up to some 700 characters."""
    rng = Rng(number)
    letters, size, kind = alphabet(rng), length(rng), rng.below(10)
    if kind == 0:
        a, b = noise(rng, letters, size), noise(rng, letters, length(rng))
    elif kind == 1:
        a = noise(rng, letters, size)
        b = edited(rng, a, letters, rng.below(20))
    elif kind == 2:
        a = prose(rng, WORDS, size)
        b = edited(rng, a, letters, rng.below(40))
    elif kind == 3:
        a, b = prose(rng, WORDS, size), prose(rng, WORDS, length(rng))
    elif kind == 4:
        a = prose(rng, WORDS, size)
        b = permuted(rng, a)
    elif kind == 5:
        a = noise(rng, letters, size)
        at = rng.below(size + 1)
        b = a[at:] + a[:at]
    elif kind == 6:
        a = prose(rng, WORDS, size)
        at = rng.below(size + 1)
        b = edited(rng, a[at:], letters, rng.below(3))
    elif kind == 7:
        a = repeated(rng, letters, size)
        b = edited(rng, a[rng.below(size + 1) :] + a, letters, rng.below(5))
    elif kind == 8:
        a = junky(rng, size)
        b = edited(rng, a, list("abXY"), rng.below(30))
    else:
        a = noise(rng, letters, size)
        b = list(a) if rng.below(2) == 0 else noise(rng, alphabet(rng), length(rng))
    if rng.below(2) == 1:
        a, b = b, a
    return "".join(a), "".join(b)


KINDS = [
    "equal",
    "edited lightly",
    "edited heavily",
    "edited, not ASCII",
    "words permuted",
    "different texts",
    "random letters",
    "random, 128 symbols",
    "random, 1000 ideographs",
    "ideographs edited",
]


def timed(kind, size):
    """The pair of a benchmark: about `size` characters each."""
    rng = Rng(KINDS.index(kind))
    letters = list(ALPHABETS[4])
    if kind == "equal":
        a = prose(rng, ASCII_WORDS, size)
        b = a
    elif kind == "edited lightly":
        b = prose(rng, ASCII_WORDS, size)
        a = edited(rng, b, letters, size // 200)
    elif kind == "edited heavily":
        b = prose(rng, ASCII_WORDS, size)
        a = edited(rng, b, letters, size // 20)
    elif kind == "edited, not ASCII":
        b = prose(rng, WORDS, size)
        a = edited(rng, b, letters, size // 50)
    elif kind == "words permuted":
        b = prose(rng, ASCII_WORDS, size)
        a = permuted(rng, b)
    elif kind == "different texts":
        a, b = prose(rng, ASCII_WORDS, size), prose(rng, ASCII_WORDS, size)
    elif kind == "random letters":
        a, b = noise(rng, letters, size), noise(rng, letters, size)
    elif kind == "random, 128 symbols":
        letters = block(0x400, 128)
        a, b = noise(rng, letters, size), noise(rng, letters, size)
    elif kind == "random, 1000 ideographs":
        letters = block(0x4E00, 1000)
        a, b = noise(rng, letters, size), noise(rng, letters, size)
    else:
        letters = block(0x4E00, 1000)
        b = noise(rng, letters, size)
        a = edited(rng, b, letters, size // 50)
    return "".join(a), "".join(b)
