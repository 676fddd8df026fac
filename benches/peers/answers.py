"""Answers of longlab beside transformers' and llama.cpp's: the same model and prompts, the same threads, in turns on one machine.

    cargo build --release --example answer_time
    ./lab model smol --write models/smol
    python benches/peers/answers_peer.py gguf SmolLM2-135M-Instruct.Q4_1.gguf smol-f16.gguf --dtype f16
    python benches/peers/answers.py batch   target/release/examples/answer_time models/smol
    python benches/peers/answers.py single  target/release/examples/answer_time models/smol --gguf smol-f16.gguf
    python benches/peers/answers.py prefill target/release/examples/answer_time models/smol --into docs/measured/prefill.csv

batch: 32 prompts of 256 tokens, 64 greedy tokens each. single: one prompt, 64 tokens. prefill: one pass over 256 to 8,192 tokens, and the
peak of memory. Prints JSON: medians over the turns, of each side the rate of tokens after the first, and ratios (above 1: longlab is
faster). prefill also writes a table, and beside it a picture of memory by length.

transformers is asked in every way of --ways (dtype, attention, cache, compiled), and the fastest counts. It gets longlab's allocator setting
and, on AMD, its MKL answer. longlab holds matrices, keys and values in bf16 and sums in f32.

Packages: torch 2.13, transformers 5.23; xllamacpp and gguf (single); matplotlib (prefill).
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = Path(__file__).with_name("answers_peer.py")
LENGTHS = [256, 512, 1024, 2048, 4096, 8192]


def prompts(model, rows, length):
    """Pieces of the project's own pages."""
    from tokenizers import Tokenizer

    text = "\n".join(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))
    ids = Tokenizer.from_file(str(Path(model) / "tokenizer.json")).encode(text).ids
    assert len(ids) > rows * length or rows == 1, "too little text"
    ids = ids * (1 + rows * length // len(ids))
    return [ids[row * length : (row + 1) * length] for row in range(rows)]


def environment(folder):
    """That of the peers: longlab's allocator setting, and its MKL answer where MKL does not give it itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP_", "OMP_"))}
    kept |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_TOP_PAD_": str(256 << 20), "HF_HUB_OFFLINE": "1"}
    if "AuthenticAMD" in Path("/proc/cpuinfo").read_text():
        source, library = Path(folder) / "mkl.c", Path(folder) / "mkl.so"
        source.write_text("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        kept["LD_PRELOAD"] = str(library)
    return kept


def run(command, kept):
    done = subprocess.run([str(part) for part in command], env=kept, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stderr[-2000:]}")
    found = json.loads(lines[-1])
    print(json.dumps({"ran": Path(str(command[0])).name + " " + " ".join(map(str, command[1:4])),
                      **{key: found[key] for key in ("load", "first", "all") if key in found}}), file=sys.stderr)  # fmt: skip
    return found


def transformers(way):
    dtype, attention, cache, *more = way.split(",")
    return ["--dtype", dtype, "--attention", attention, "--cache", cache, *(["--compile"] if more else [])]


def sides(args, ids, options, folder):
    """Name, command and environment of each side."""
    common = ["--ids", ids, "--threads", args.threads, "--repeats", args.repeats, *options]
    kept, own = environment(folder), {name: value for name, value in os.environ.items() if not name.startswith("GOMP_")}
    found = {"longlab": ([args.binary, args.model, *common], own)}
    for way in args.ways:
        found[f"transformers {way}"] = ([sys.executable, PEER, "transformers", args.model, *common, *transformers(way)], kept)
    for file in args.gguf:
        name = f"llama.cpp {Path(file).stem}"
        for threads in args.llama_threads:
            common[3] = threads
            found[f"{name} {threads} threads"] = ([sys.executable, PEER, "llama", file, *common], kept)
    return found


def answers(args, rows):
    with tempfile.TemporaryDirectory() as folder:
        ids = Path(folder) / "ids.json"
        ids.write_text(json.dumps(prompts(args.model, rows, args.prompt)))
        runs = {}
        for _ in range(args.turns):
            for name, (command, kept) in sides(args, ids, ["--tokens", args.tokens], folder).items():
                runs.setdefault(name, []).append(run(command, kept))
    out = {}
    for name, found in runs.items():
        first = [seconds for turn in found for seconds in turn["first"]]
        whole = [seconds for turn in found for seconds in turn["all"]]
        rest = statistics.median(all_ - first_ for all_, first_ in zip(whole, first))
        out[name] = {
            "first_seconds": round(statistics.median(first), 3), "seconds": round(statistics.median(whole), 3),
            "decoded_a_second": round(rows * (args.tokens - 1) / rest, 1), "load_seconds": round(statistics.median(turn["load"] for turn in found), 2),
            "peak_mb": round(max(turn["peak"] for turn in found) / 1e6), "measurements": len(whole),
        }  # fmt: skip
    own = runs["longlab"][0]["tokens"]
    for name, found in runs.items():
        theirs = found[0].get("tokens") or []
        if theirs and theirs[0]:
            pairs = [(a, b) for ours, theirs in zip(own, theirs) for a, b in zip(ours, theirs)]
            out[name]["tokens_as_longlab"] = round(sum(a == b for a, b in pairs) / len(pairs), 3)
    ratios = {}
    for peer in ("transformers", "llama.cpp"):
        names = [name for name in out if name.startswith(peer)]
        if names:
            best = max(names, key=lambda name: out[name]["decoded_a_second"])
            whole = min(names, key=lambda name: out[name]["seconds"])
            ratios[peer] = {
                "best": best, "decode": round(out["longlab"]["decoded_a_second"] / out[best]["decoded_a_second"], 2),
                "whole": round(out[whole]["seconds"] / out["longlab"]["seconds"], 2),
            }  # fmt: skip
    return {"rows": rows, "prompt": args.prompt, "tokens": args.tokens, "threads": args.threads, "turns": args.turns, "sides": out, "longlab_faster": ratios}


def prefill(args):
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(args.turns):
            for length in args.lengths:
                ids = Path(folder) / "ids.json"
                ids.write_text(json.dumps(prompts(args.model, 1, length)))
                for name, (command, kept) in sides(args, ids, ["--prefill"], folder).items():
                    runs.setdefault((length, name), []).append(run(command, kept))
    rows = []
    for (length, name), found in runs.items():
        seconds = statistics.median(second for turn in found for second in turn["all"][0])
        rows.append({
            "side": name, "tokens": length, "seconds": round(seconds, 4), "tokens_a_second": round(length / seconds, 1),
            "peak_mb": round(max(turn["peak"] for turn in found) / 1e6, 1), "loaded_mb": round(found[0]["before"] / 1e6, 1), "next": found[0]["next"][0],
        })  # fmt: skip
    ratios = {}
    for length in args.lengths:
        own, *peers = [row for row in rows if row["tokens"] == length]
        if peers:
            ratios[length] = round(min(peer["seconds"] for peer in peers) / own["seconds"], 2)
    if args.into:
        with open(args.into, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        picture(rows, Path(args.into).with_suffix(".png"))
    return {"threads": args.threads, "turns": args.turns, "rows": rows, "longlab_faster": ratios}


def picture(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name in dict.fromkeys(row["side"] for row in rows):
        own = [row for row in rows if row["side"] == name]
        axes.plot([row["tokens"] for row in own], [row["peak_mb"] - row["loaded_mb"] for row in own], marker="o", label=name.replace(",", ", "))
    axes.set(xlabel="tokens of the prompt", ylabel="peak memory beyond the loaded model, MB", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["batch", "single", "prefill"])
    parser.add_argument("binary")
    parser.add_argument("model", help="a Hugging Face folder that both sides read")
    parser.add_argument("--gguf", nargs="*", default=[])
    parser.add_argument("--ways", nargs="*", default=["f32,sdpa,dynamic"])
    parser.add_argument("--llama-threads", type=int, nargs="*", default=[2])
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--into")
    for name, default in (("rows", 32), ("prompt", 256), ("tokens", 64), ("threads", 2), ("turns", 3), ("repeats", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    found = prefill(args) if args.what == "prefill" else answers(args, args.rows if args.what == "batch" else 1)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
