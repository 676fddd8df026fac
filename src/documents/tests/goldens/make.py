"""Writes the goldens of this folder: near duplicates by datasketch, rankings by bm25s.

    pip install datasketch==2.0.0 bm25s==0.3.16
    python make.py

The texts are drawn from a list of made-up words with a fixed seed.
"""

import json
import random
from pathlib import Path

import bm25s
from datasketch import MinHash, MinHashLSH

HERE = Path(__file__).parent
SHINGLE, PERMUTATIONS, BANDS, THRESHOLD = 5, 128, 16, 0.8
K1, B = 1.2, 0.75


def word(rng):
    return "".join(rng.choice("bdfgklmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(1, 3)))


def edited(rng, words, share, vocabulary):
    """The words with a share of them replaced, dropped or doubled."""
    out = []
    for w in words:
        if rng.random() >= share:
            out.append(w)
            continue
        choice = rng.randrange(3)
        if choice == 0:
            out.append(rng.choice(vocabulary))
        elif choice == 1:
            out += [w, w]
    return out


def shingles(text):
    words = text.lower().split()
    return {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}


def duplicates():
    rng = random.Random(20261123)
    vocabulary = sorted({word(rng) for _ in range(600)})
    texts = []
    for _ in range(6):
        base = [rng.choice(vocabulary) for _ in range(rng.randint(150, 500))]
        texts += [" ".join(edited(rng, base, share, vocabulary)) for share in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08)]
    prints = []
    for text in texts:
        minhash = MinHash(num_perm=PERMUTATIONS)
        for shingle in sorted(shingles(text)):
            minhash.update(shingle.encode())
        prints.append(minhash)
    lsh = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, PERMUTATIONS // BANDS))
    for number, minhash in enumerate(prints):
        lsh.insert(str(number), minhash)
    pairs = []
    for left in range(len(texts)):
        candidates = {int(other) for other in lsh.query(prints[left])}
        for right in range(left + 1, len(texts)):
            one, other = shingles(texts[left]), shingles(texts[right])
            exact = len(one & other) / len(one | other)
            estimate = prints[left].jaccard(prints[right])
            if exact > 0 or estimate > 0:
                found = right in candidates and estimate >= THRESHOLD
                pairs.append({"left": left, "right": right, "exact": exact, "estimate": float(estimate), "found": found})
    settings = {"shingle": SHINGLE, "permutations": PERMUTATIONS, "bands": BANDS, "threshold": THRESHOLD}
    return {"made_with": "datasketch 2.0.0", "settings": settings, "texts": texts, "pairs": pairs}


def rankings():
    """bm25s's `lucene`: idf = ln(1 + (N - n + 1/2) / (n + 1/2)), term weight f / (f + k1 (1 - b + b |d| / mean |d|))."""
    rng = random.Random(7)
    vocabulary = sorted({word(rng) for _ in range(80)})
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    passages = [" ".join(rng.choices(vocabulary, weights, k=rng.randint(5, 60))) for _ in range(50)]
    queries = [" ".join(rng.choices(vocabulary, k=rng.randint(1, 6))) for _ in range(20)]
    index = bm25s.BM25(method="lucene", k1=K1, b=B)
    index.index([passage.split() for passage in passages], show_progress=False)
    scores = [[float(score) for score in index.get_scores(query.split())] for query in queries]
    return {"made_with": "bm25s 0.3.16", "k1": K1, "b": B, "passages": passages, "queries": queries, "scores": scores}


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=None, separators=(",", ":")) + "\n")


write("duplicates.json", duplicates())
write("rankings.json", rankings())
