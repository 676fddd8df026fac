"""Writes what CPython's own SequenceMatcher computes. Usage: python3 difflib.py

difflib.jsonl: one [a, b, ratio] a line. difflib.f64: the ratios of the 10,000 pairs of pairs.py, little-endian f64.
The ratio in the .jsonl is a string: serde_json reads a JSON number only to within one unit in the last place.
"""

import importlib
import json
import pathlib
import random
import struct
import sys

here = pathlib.Path(__file__).resolve().parent
# This file is called like the module it needs: look past its own folder.
sys.path = [p for p in sys.path if pathlib.Path(p or ".").resolve() != here]
SequenceMatcher = importlib.import_module("difflib").SequenceMatcher
sys.path.append(str(here))
case = importlib.import_module("pairs").case

rng = random.Random(20251212)
WORDS = "the of river Ada wrote about a quiet garden in seven lines, then another verse on rain and old stones über café 雨 ☂".split()


def sentence(length):
    text = ""
    while len(text) < length:
        text += rng.choice(WORDS) + rng.choice([" ", " ", " ", ", ", ". ", "\n"])
    return text[:length]


def noise(alphabet, length):
    return "".join(rng.choice(alphabet) for _ in range(length))


def edited(text, edits):
    chars = list(text)
    for _ in range(edits):
        at = rng.randrange(len(chars) + 1)
        kind = rng.choice("ids")
        if kind == "i" or not chars:
            chars.insert(at, rng.choice("xyz e"))
        elif kind == "d":
            del chars[min(at, len(chars) - 1)]
        else:
            chars[min(at, len(chars) - 1)] = rng.choice("xyz e")
    return "".join(chars)


def pairs():
    yield from [("", ""), ("", "a"), ("a", ""), ("abcd", "bcde"), ("abxcd", "abcd"), ("ab", "acab"), ("qabxcd", "abycdf")]
    yield from [("private", "privat"), ("tide", "diet"), ("diet", "tide"), ("aaaa", "aaa"), ("🙂é", "é🙂")]
    yield from [("x" + "ab" * 100, "ab" * 100), ("x" + "ab" * 99, "ab" * 99), ("a" * 199, "a" * 200), ("a" * 200, "a" * 199)]
    for length in (5, 20, 60, 150, 199, 200, 201, 299, 300, 420):
        for alphabet in ("ab", "abcdefgh", "abcdefghijklmnopqrstuvwxyzéß雨 "):
            yield noise(alphabet, length), noise(alphabet, rng.choice([length, length // 2, length + 7]))
    for length in (30, 120, 199, 200, 201, 260, 400, 600):
        text = sentence(length)
        yield text, text
        yield text, edited(text, 3)
        yield edited(text, 10), text
        yield sentence(length), text
        yield text[length // 3 :] + text[: length // 3], text
        yield text[: length // 2], text


with open(here / "difflib.jsonl", "w", encoding="utf-8") as out:
    for a, b in pairs():
        out.write(json.dumps([a, b, repr(SequenceMatcher(None, a, b).ratio())], ensure_ascii=False) + "\n")

with open(here / "difflib.f64", "wb") as out:
    for number in range(10_000):
        out.write(struct.pack("<d", SequenceMatcher(None, *case(number)).ratio()))
