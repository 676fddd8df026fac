#!/usr/bin/env python3
"""Draws items of a dataset at random and prints what a person needs to judge them.

    python experiments/synthesis/drawn.py DATASET --items 100 --seed 11

Items are drawn over all engines and styles in proportion to their number. Each is printed with question, answer, proof, the evidence in its surroundings,
and every place of an irrelevant passage that says the answer, both ends of a fact, or the columns of a table.
"""

import argparse
import json
import random
import re
from pathlib import Path


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def short(text, most=240):
    return text if len(text) <= most else text[: most * 2 // 3] + f" [...{len(text) - most}...] " + text[-most // 3 :]


def kind(item):
    return item["engine"] + (f'/{item["style"]}' if item["style"] else "")


def drawn(items, count, seed, only):
    """Places of items, so many of each kind as is its share; the rest by the greatest remainder."""
    kinds = {}
    for at, name in enumerate(items):
        if not only or name in only:
            kinds.setdefault(name, []).append(at)
    total = sum(map(len, kinds.values()))
    shares = {name: count * len(own) / total for name, own in kinds.items()}
    number = {name: int(share) for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: number[name] - shares[name])[: count - sum(number.values())]:
        number[name] += 1
    stream = random.Random(seed)
    return {at for name in sorted(kinds) for at in stream.sample(kinds[name], min(number[name], len(kinds[name])))}


def around(text, start, end, margin):
    before, after = text[max(0, start - margin) : start], text[end : end + margin]
    return f"{before}«{short(text[start:end], 400)}»{after}"


def said(text, words, most=3):
    """Places where words stand as whole words, whatever their case."""
    if len(words) < 2:
        return []
    pattern = r"(?<!\w)" + re.escape(words) + r"(?!\w)"
    return [around(text, m.start(), m.end(), 70).replace("\n", "⏎") for m, _ in zip(re.finditer(pattern, text, re.I), range(most))]


def passage_of(item, evidence):
    """The passage of an evidence, and where it begins in the passage, in characters."""
    for at, passage in enumerate(item["passages"]):
        span, own = evidence["span"], passage["span"]
        if passage["document"] == evidence["document"] and own["start"] <= span["start"] and span["end"] <= own["end"]:
            text = passage["text"].encode()
            return at, len(text[: span["start"] - own["start"]].decode()), passage["text"]
    return None, 0, ""


def show_path(item, sources, out):
    certificate = item["certificate"]
    proof = certificate["proof"]
    out(f'PROOF {proof["operation"]}')
    for head, relation, tail, at in proof["steps"]:
        out(f"  ({head}) -[{relation}]-> ({tail})   evidence {at}")
    for query in proof["asked"]["queries"]:
        out(f'  found {query["found"]}: {query["query"]}')
    for at, (evidence, without) in enumerate(zip(certificate["evidence"], certificate["necessity"])):
        number, start, text = passage_of(item, evidence)
        out(f'EVIDENCE {at} in passage {number} ({sources[evidence["document"]]}, {len(text)} characters shown), without it: {without}')
        out("    " + around(text, start, start + len(evidence["quote"]), 160).replace("\n", "\n    "))
    own = {evidence["document"] for evidence in certificate["evidence"]}
    terms = {item["answer"]["text"], *item["answer"]["aliases"]} | {name for step in proof["steps"] for name in (step[0], step[2])}
    out("ELSEWHERE, of key terms")
    for at, passage in enumerate(item["passages"]):
        for term in sorted(terms):
            places = said(passage["text"], term, 2)
            if places and (passage["document"] not in own or term == item["answer"]["text"]) and not re.fullmatch(r"[\d.]+", term):
                out(f'  {"own" if passage["document"] in own else "IRR"} passage {at} ({sources[passage["document"]]}) says {term!r}: ' + " ¦ ".join(places))


def show_table(item, sources, out):
    proof = item["certificate"]["proof"]
    out(f'PROOF {proof["family"]} ({proof["level"]}) {proof["query"]} {proof["parameters"]}')
    out("COLUMNS " + "; ".join(f'{c["name"]}={c["label"]!r} {c["kind"]} {c["unit"]}' for c in proof["columns"]) + f', {len(proof["rows"])} rows')
    for source, document in enumerate(proof["sources"]):
        rows = [row for row in proof["rows"] if row["source"] == source]
        parts = [p for p in item["passages"] if p["document"] == document]
        out(f"SOURCE {source} {sources[document]}, {len(rows)} rows, {len(parts)} passages")
        for part in parts:
            out("    " + short(part["text"], 900).replace("\n", "\n    "))
        for row in rows[:6] + rows[-2:]:
            out(f'    row {row["values"]}')
    labels = [c["label"] for c in proof["columns"]]
    for at, passage in enumerate(item["passages"]):
        if passage["document"] not in proof["sources"]:
            hits = [said(passage["text"], label, 1) for label in labels]
            if all(hits):
                out(f'  IRR passage {at} ({sources[passage["document"]]}) says all columns: ' + " ¦ ".join(h[0] for h in hits))
    out(f'EVIDENCE {len(item["certificate"]["evidence"])} cells, first {[e["quote"] for e in item["certificate"]["evidence"][:8]]}, without: {item["certificate"]["necessity"][:8]}')


def show_turn(item, sources, out):
    proof = item["certificate"]["proof"]
    out(f'PROOF reply {proof["turn"]} of {proof["of"]} to {proof["request"]!r}, prefix {proof["prefix"]!r}')
    seen = 0
    for at, (request, passage) in enumerate(zip(proof["requests"], item["passages"])):
        wanted = request == proof["request"]
        seen += wanted
        if wanted:
            right = item["answer"]["text"] == proof["prefix"] + passage["text"]
            out(f'  turn {at} is reply {seen}{" = THE ANSWER" if right else ""} ({sources[passage["document"]]}): {short(passage["text"], 160)!r}')
    title = re.search(r'"(.*)"', proof["request"])
    others = [r for r in proof["requests"] if r != proof["request"]]
    out(f"  {len(others)} other requests, {len(set(others))} different: {others[:4]}")
    if title:
        out(f"  other requests that hold the title: {[r for r in set(others) if title.group(1) in r]}")
    texts = [p["text"] for r, p in zip(proof["requests"], item["passages"]) if r == proof["request"]]
    out(f"  replies all different: {len(set(texts)) == len(texts)}")


def main():
    parser = argparse.ArgumentParser(description="Draw items of a dataset at random and print what a person needs to judge them.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--only", nargs="*", help="kinds, such as graph/causal or table")
    arguments = parser.parse_args()
    sources = {entry["hash"]: entry["source"] for entry in lines(arguments.dataset / "entries.jsonl")}
    files = [arguments.dataset / f"{split}.jsonl" for split in ("train", "test")]
    places = drawn([kind(item) for file in files for item in lines(file)], arguments.items, arguments.seed, arguments.only)
    shows = {"path": show_path, "sql": show_table, "turn": show_turn}
    number = 0
    for at, item in enumerate(item for file in files for item in lines(file)):
        if at not in places:
            continue
        number += 1
        certificate = item["certificate"]
        print(f'\n===== {number} · {item["id"][:12]} · {kind(item)} · {item["form"]} · difficulty {item["difficulty"]} · {certificate["tokens"]} tokens · {len(item["passages"])} passages')
        print("QUESTION", item["question"])
        print("ANSWER", short(item["answer"]["text"]), [short(alias, 80) for alias in item["answer"]["aliases"]])
        shows[certificate["proof"]["by"]](item, sources, print)


if __name__ == "__main__":
    main()
