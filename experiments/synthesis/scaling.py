#!/usr/bin/env python3
"""Measures how time and memory of a dataset grow with the corpus it is made from.

    cargo build -p longlab-synthesis --release --example synth
    python experiments/synthesis/scaling.py --corpus corpora/real corpora/larger --into /tmp/scaling

For each size files are taken from the corpora in the order of a hash of their paths, so that every size holds the ones below it and all packages
alike, and the specification is run over them from nothing. Writes scaling.csv and scaling.svg into reports/synthesis. Processor seconds are user and
system time of the whole process, which other work on the machine hardly changes; seconds are those of the clock. Needs matplotlib for the plot.
"""

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIELDS = ["megabytes", "files", "documents", "text_megabytes", "items", "threads", "seconds", "processor_seconds", "memory_megabytes"]
STAGE = re.compile(r"^\s*([\d.]+) s\s+([\d.]+) s of processor\s+([a-z-]+):", re.M)


def files_of(corpora):
    """All files below the corpora, by the hash of their paths."""
    found = [(corpus, path.relative_to(corpus)) for corpus in corpora for path in corpus.glob("*/*/**/*") if path.is_file()]
    return sorted(found, key=lambda file: hashlib.sha256(str(file[1]).encode()).digest())


def subset(files, size, into):
    """Links files of so many bytes into a folder; gives their number and bytes."""
    shutil.rmtree(into, ignore_errors=True)
    count = total = 0
    for corpus, path in files:
        length = (corpus / path).stat().st_size
        if total + length > size:
            continue
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(corpus / path, into / path)
        count, total = count + 1, total + length
    return count, total


def measured(synth, spec, threads, log):
    """Runs a specification; gives seconds, processor seconds, megabytes, and processor seconds of each stage."""
    with open(log, "w") as errors:
        begun = time.monotonic()
        process = subprocess.Popen([synth, "run", spec, str(threads)], stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
    said = Path(log).read_text()
    if status != 0:
        sys.exit(said)
    stages, before = {}, 0.0
    for _, spent, stage in STAGE.findall(said):
        stages[stage], before = float(spent) - before, float(spent)
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, stages


def run(arguments, files, megabytes):
    folder = arguments.into / f"{megabytes}"
    count, total = subset(files, megabytes * 1_000_000, folder / "corpus")
    shutil.rmtree(folder / "out", ignore_errors=True)
    spec = arguments.spec.read_text()
    spec = re.sub(r'folder = ".*corpora/real"', f'folder = "{folder}/corpus"', spec)
    spec = re.sub(r'folder = ".*corpora/documents"', f'folder = "{folder}/out"', spec)
    spec = spec.replace("../../models", str(ROOT / "models"))
    if arguments.items:
        spec = re.sub(r"^items = \d+", f"items = {arguments.items}", spec, flags=re.M)
    (folder / "spec.toml").write_text(spec)
    seconds, spent, memory, stages = measured(arguments.synth, folder / "spec.toml", arguments.threads, folder / "log")
    entries = next((folder / "out/stages").glob("corpus-*/entries.jsonl"))
    lengths = [json.loads(line)["bytes"] for line in entries.open()]
    manifest = json.loads((folder / "out/dataset/dataset.json").read_text())
    row = dict(zip(FIELDS, [round(total / 1e6, 1), count, len(lengths), round(sum(lengths) / 1e6, 1), sum(manifest["items"].values()),
                            arguments.threads, round(seconds, 1), round(spent, 1), round(memory)]))
    return row | {stage: round(value, 1) for stage, value in stages.items()}


def plot(rows, stages, path):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "longlab"
    from matplotlib import pyplot

    sizes = [float(row["megabytes"]) for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    left.plot(sizes, [float(row["processor_seconds"]) for row in rows], "o-", color="black", label="all stages")
    for stage in stages:
        left.plot(sizes, [max(float(row[stage] or 0), 0.05) for row in rows], ".-", linewidth=1, label=stage)
    first, last = sizes[0], sizes[-1]
    anchor = float(rows[-1]["processor_seconds"]) / last
    left.plot([first, last], [anchor * first, anchor * last], ":", color="grey", label="linear")
    left.set(xscale="log", yscale="log", xlabel="corpus, MB of files", ylabel="processor seconds")
    left.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    right.plot(sizes, [float(row["memory_megabytes"]) for row in rows], "o-", color="black")
    right.axhline(2147, linestyle=":", color="grey")
    right.text(first, 2160, "2 GiB", fontsize=7, color="grey", va="bottom")
    right.set(xscale="log", ylim=(0, 2400), xlabel="corpus, MB of files", ylabel="largest resident memory, MB")
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description="Measure how time and memory grow with the corpus.")
    parser.add_argument("--corpus", type=Path, nargs="+", default=[ROOT / "corpora/real", ROOT / "corpora/larger"], help="folders that fetch.py built")
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 15, 50, 150, 500], help="MB of files")
    parser.add_argument("--spec", type=Path, default=ROOT / "experiments/synthesis/documents.toml")
    parser.add_argument("--items", type=int, help="items of each engine, where not those of documents.toml")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--synth", type=Path, default=ROOT / "target/release/examples/synth")
    parser.add_argument("--into", type=Path, required=True, help="where runs go; on the file system of the corpora")
    parser.add_argument("--report", type=Path, default=ROOT / "reports/synthesis")
    arguments = parser.parse_args()
    files = files_of([corpus.resolve() for corpus in arguments.corpus])
    rows = []
    for megabytes in arguments.sizes:
        rows.append(run(arguments, files, megabytes))
        print(rows[-1], flush=True)
    stages = [key for key in rows[-1] if key not in FIELDS]
    arguments.report.mkdir(parents=True, exist_ok=True)
    with open(arguments.report / "scaling.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS + stages, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, stages, arguments.report / "scaling.svg")


if __name__ == "__main__":
    main()
