"""The streamed output head against eager PyTorch, turn by turn, in one call.

    cargo build --release -p longlab-kernels --example head_time
    python benches/peers/head_compare.py target/release/examples/head_time --tokens 4096 --dtype bf16 --threads 1

PyTorch runs twice a turn, with the allocator as it is and with its memory kept and on huge pages; the faster median
counts. Prints one line of JSON: medians in seconds, PyTorch's over ours of time and of memory beyond inputs and outputs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

PEER = Path(__file__).with_name("head.py")
KEPT = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_TOP_PAD_": "1000000000",
    "MALLOC_MMAP_THRESHOLD_": "16000000000",
    "MALLOC_TRIM_THRESHOLD_": "16000000000",
}


def run(command, **extra):
    out = subprocess.run(command, env={**os.environ, **extra}, check=True, capture_output=True, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    args, shape = parser.parse_known_args()
    shape += ["--repeats", str(args.repeats)]
    sides = {
        "ours": lambda: run([args.ours, *shape]),
        "torch": lambda: run([sys.executable, PEER, *shape]),
        "torch_kept": lambda: run([sys.executable, PEER, *shape], **KEPT),
    }
    results = {name: [] for name in sides}
    for _ in range(args.turns):
        for name, side in sides.items():
            results[name].append(side())
    wall, cpu = ({name: statistics.median(s for run in runs for s in run[key]) for name, runs in results.items()}
                 for key in ("seconds", "cpu_seconds"))
    extra = {name: max(run["extra_bytes"] for run in runs) for name, runs in results.items()}
    best = min(("torch", "torch_kept"), key=wall.get)
    print(json.dumps({
        "shape": " ".join(shape), "seconds": wall, "cpu_seconds": cpu, "extra_mb": {n: b / 1e6 for n, b in extra.items()},
        "time_ratio": wall[best] / wall["ours"], "cpu_ratio": min(cpu["torch"], cpu["torch_kept"]) / cpu["ours"],
        "memory_ratio": min(extra["torch"], extra["torch_kept"]) / extra["ours"],
    }))


if __name__ == "__main__":
    main()
