#!/usr/bin/env python3
"""Writes items of a dataset of real documents as pages to be read, with the licence of every source.

    python experiments/synthesis/pages.py DATASET CORPUS ENGINE > reports/synthesis/ENGINE.md
    python experiments/synthesis/pages.py DATASET CORPUS ENGINE --whole --spec short.toml > reports/synthesis/ENGINE-short.md

DATASET is the folder that `longlab synth` wrote, CORPUS the one that experiments/corpora/fetch.py wrote. Items are drawn by a seed from those whose
evidence is of permissively licensed sources. Long passages are abridged in the middle, each cut marked with its length; of sources under other licences
the title stands alone. With `--whole` nothing is cut, and items are drawn from those all of whose passages are of such sources.
"""

import argparse
import json
import random
import re
from pathlib import Path

PERMISSIVE = {"BSD-3-Clause", "PSF-2.0", "MIT", "public domain", "PostgreSQL", "NCSA", "Apache-2.0"}


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def abridged(text, most):
    """A text with its middle cut out, where it has more than so many characters."""
    if len(text) <= most:
        return text
    head, tail = text[: 2 * most // 3], text[len(text) - most // 3 :]
    return f"{head}\n[... cut here: {len(text) - len(head) - len(tail):,} characters ...]\n{tail}"


def fenced(text):
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def proof(certificate):
    it = certificate["proof"]
    if it["by"] == "sql":
        columns = ", ".join(f'{c["label"]} ({c["kind"]}{", " + c["unit"] if c["unit"] else ""})' for c in it["columns"])
        return f'template `{it["family"]}` ({it["level"]}), columns {columns}; `{it["query"]}` with {json.dumps(it["parameters"], ensure_ascii=False)} over {len(it["rows"])} rows'
    if it["by"] == "turn":
        return f'reply {it["turn"]} of {it["of"]} to "{it["request"]}", after `{it["prefix"]}`'
    if it["by"] == "path":
        steps = "; ".join(f"({head}) -[{relation}]- ({tail}), evidence {at + 1}" for head, relation, tail, at in it["steps"])
        return f'{steps}; operation `{it["operation"]}`'
    if it["by"] == "models":
        answers = "; ".join(f'{a["answers"]} times {json.dumps(a["said"], ensure_ascii=False)}, {"right by rule" if a["rule"] else "votes " + str(a["votes"])}' for a in it["judged"])
        tried = f'; wrong answers shown to the verifier: {json.dumps(it["decoys"], ensure_ascii=False)}{", not told apart" if it.get("fooled") else ""}' if it.get("decoys") else ""
        return f'round {it["round"]} over cluster {it["cluster"]}, {len(it["calls"])} calls; the solver answered {answers}{tried}; questioner\'s reward {it["reward"]:.3f}'
    return it["by"]


class Sources:
    """Which package a document is of."""

    def __init__(self, dataset, corpus):
        self.paths = {entry["hash"]: entry["source"] for entry in lines(dataset / "entries.jsonl")}
        self.packages = json.loads((corpus / "manifest.json").read_text())["sources"]

    def of(self, document):
        path = self.paths[document]
        return next(package for package in self.packages if path.startswith(package["folder"] + "/"))

    def named(self, document):
        package = self.of(document)
        return f'{package["name"]} {package["version"]} ({package["licence"]}), `{self.paths[document].removeprefix(package["folder"] + "/")}`'

    def is_permissive(self, document):
        return self.of(document)["licence"] in PERMISSIVE


def page(item, sources, abridged=abridged):
    certificate = item["certificate"]
    evidence = {e["document"] for e in certificate["evidence"]} | set(certificate["proof"].get("sources", []))
    requests = certificate["proof"].get("requests", [])
    style = f' · {item["style"]}' if item["style"] else ""
    out = [f'## {item["id"][:16]}', "",
           f'{item["engine"]} · {item["form"]}{style} · difficulty {item["difficulty"]} · {certificate["tokens"]:,} tokens of {item["target"]:,} drawn · {item["split"]}', "",
           "**Question**", "", fenced(item["question"]), "", "**Answer**", "", fenced(abridged(item["answer"]["text"], 3000)), ""]
    if item["answer"]["aliases"]:
        out += ["Also right: " + "; ".join(f"`{alias}`" for alias in item["answer"]["aliases"]), ""]
    out += [f"**Proof.** {proof(certificate)}", "", "**Evidence** (what the answer becomes without it)", ""]
    quotes = list(zip(certificate["evidence"], certificate["necessity"]))
    for e, without in quotes[:40]:
        quote = json.dumps(abridged(e["quote"], 400), ensure_ascii=False)
        becomes = json.dumps(abridged(without, 200), ensure_ascii=False) if without is not None else "no answer"
        out.append(f'- {e["document"][:8]} {e["span"]["start"]}-{e["span"]["end"]}: {quote} ({becomes})')
    if len(quotes) > 40:
        out.append(f"- [... cut here: {len(quotes) - 40} more ...]")
    out += ["", f'**Context**, {len(item["passages"])} passages', ""]
    for at, passage in enumerate(item["passages"]):
        holds = requests[at] == certificate["proof"]["request"] if requests else passage["document"] in evidence
        asked = f' · asked: "{requests[at]}"' if requests else ""
        kind = "evidence" if holds else "irrelevant"
        out += [f'{at + 1}. {kind} · {passage["title"]} · {sources.named(passage["document"])}{asked}', ""]
        if sources.is_permissive(passage["document"]):
            out += [fenced(abridged(passage["text"], 4000 if holds else 300)), ""]
        else:
            out += [f'[... not shown: {len(passage["text"]):,} characters ...]', ""]
    return "\n".join(out)


def sample(items, count, stream):
    """Items drawn at random, as many of each style; with the number of styles."""
    styles = sorted({item["style"] or "" for item in items})
    drawn = []
    for style in styles:
        own = [item for item in items if (item["style"] or "") == style]
        drawn += stream.sample(own, min(count // len(styles), len(own)))
    return drawn, len(styles)


def main():
    parser = argparse.ArgumentParser(description="Write items of a dataset as pages to be read.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("engine")
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--spec", default="documents.toml")
    parser.add_argument("--whole", action="store_true", help="cut nothing; only items of permissively licensed passages")
    arguments = parser.parse_args()
    sources = Sources(arguments.dataset, arguments.corpus)
    fit = lambda item: item["engine"] == arguments.engine and all(
        sources.is_permissive(e["document"]) for e in (item["passages"] if arguments.whole else item["certificate"]["evidence"])
    )
    items = [item for split in ("train", "test") for item in lines(arguments.dataset / f"{split}.jsonl") if fit(item)]
    drawn, styles = sample(items, arguments.items, random.Random(arguments.seed))
    evenly = f", as many of each of {styles} styles," if styles > 1 else ""
    print(f"# Items of the engine `{arguments.engine}`\n")
    shown = ("all of whose passages are of permissively licensed sources. Nothing is cut." if arguments.whole else
             "whose evidence is of permissively licensed sources. Long passages are abridged in the middle; passages of sources under other licences are "
             "named and not shown.")
    print(f"{len(drawn)} items drawn at random (seed {arguments.seed}){evenly} from a set of `experiments/synthesis/{arguments.spec}`, among those {shown} "
          "Made by `experiments/synthesis/pages.py`.\n")
    for item in drawn:
        print(page(item, sources, (lambda text, most: text) if arguments.whole else abridged))


main()
