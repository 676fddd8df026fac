"""Times CPython's difflib against longlab_kernels::similarity on the same texts, in turns, and prints JSON.

Usage: cargo build --release -p longlab-kernels --example similarity_time
       python3 benches/peers/similarity.py TARGET/release/examples/similarity_time [--size 5000] [--rounds 5]

For each kind of text: the seconds a call of SequenceMatcher(None, a, b).ratio(), of ratio(a, b), and of a Matcher made
before, and how often ours fits into CPython's time. A round takes the least of some calls; shown are medians over rounds.
"""

import argparse
import importlib.util
import json
import pathlib
import platform
import statistics
import subprocess
import time
from difflib import SequenceMatcher

# Loaded by its path: a script in that folder is called difflib.py, and must not stand in for CPython's.
PAIRS = pathlib.Path(__file__).resolve().parents[2] / "kernels/tests/golden/pairs.py"
spec = importlib.util.spec_from_file_location("pairs", PAIRS)
pairs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pairs)


def cpython(a, b):
    """The least of three times, as what else runs on the machine only adds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        ratio = SequenceMatcher(None, a, b).ratio()
        times.append(time.perf_counter() - start)
    return min(times), ratio


def measure(ours, kind, size, rounds):
    a, b = pairs.timed(kind, size)
    seconds, answers = [], []
    for _ in range(rounds):
        theirs, ratio = cpython(a, b)
        ours.stdin.write(f"{pairs.KINDS.index(kind)} {size} 21\n")
        ours.stdin.flush()
        answer = json.loads(ours.stdout.readline())
        if answer["ratio"] != ratio:
            raise SystemExit(f"{kind}: {answer['ratio']} is not {ratio}")
        seconds.append(theirs)
        answers.append(answer)
    middle = statistics.median
    return {
        "kind": kind,
        "ratio": ratio,
        "cpython_seconds": middle(seconds),
        "seconds": middle(x["seconds"] for x in answers),
        "matcher_seconds": middle(x["matcher_seconds"] for x in answers),
        "times_faster": middle(t / x["seconds"] for t, x in zip(seconds, answers)),
        "matcher_times_faster": middle(t / x["matcher_seconds"] for t, x in zip(seconds, answers)),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--size", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours = subprocess.Popen([options.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    kinds = [measure(ours, kind, options.size, options.rounds) for kind in pairs.KINDS]
    ours.stdin.close()
    ours.wait()
    worst = min(kinds, key=lambda kind: kind["times_faster"])
    report = {"python": platform.python_version(), "size": options.size, "rounds": options.rounds, "kinds": kinds}
    print(json.dumps(report | {"worst": [worst["kind"], worst["times_faster"]]}, indent=1))


if __name__ == "__main__":
    main()
