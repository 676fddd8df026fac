"""Times torch.optim.AdamW on the CPU against longlab_kernels::adamw::fused, in turns, and prints JSON.

Usage: cargo build --release -p longlab-kernels --example adamw_time
       python3 benches/peers/adamw.py TARGET/release/examples/adamw_time [--sizes 1000000,135000000] [--threads 1] [--rounds 5]

One flat f32 tensor. torch runs fused=True and foreach=True; the norm is compared with torch's in f32. torch
computes in f32; ours in f64 (`seconds`) and in f32 (`single_seconds`), on f32 buffers. A round takes the least
of some times, as what else runs on the machine only adds; shown are medians over rounds. Above 1 in `times_faster` is ours.
"""

import argparse
import json
import statistics
import subprocess
import time

import torch


class Torch:
    def __init__(self, size, **kind):
        self.param = torch.nn.Parameter(torch.full((size,), 0.5))
        self.param.grad = torch.full((size,), 1e-3)
        self.optimizer = torch.optim.AdamW([self.param], weight_decay=1e-2, **kind)
        self.optimizer.step()

    def time(self, repeats):
        return clock(self.optimizer.step, repeats)

    def time_norm(self, repeats):
        return clock(lambda: torch.linalg.vector_norm(self.param.grad).item(), repeats)


def clock(work, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(program, size, threads, rounds):
    repeats = 21 if size <= 10_000_000 else 3
    rows = []
    ours = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    peers = {"fused": Torch(size, fused=True), "foreach": Torch(size, foreach=True)}
    for _ in range(rounds):
        row = {name: peer.time(repeats) for name, peer in peers.items()}
        row["norm"] = peers["fused"].time_norm(repeats)
        ours.stdin.write(f"{size} {threads} {repeats}\n")
        ours.stdin.flush()
        rows.append(row | json.loads(ours.stdout.readline()))
    ours.stdin.close()
    ours.wait()
    middle = lambda key: statistics.median(row[key] for row in rows)
    ratio = lambda peer, own: statistics.median(row[peer] / row[own] for row in rows)
    return {
        "parameters": size,
        "torch_seconds": {key: middle(key) for key in ("fused", "foreach", "norm")},
        "seconds": middle("seconds"),
        "single_seconds": middle("single_seconds"),
        "norm_seconds": middle("norm_seconds"),
        "times_faster": {key: ratio(key, "seconds") for key in ("fused", "foreach")},
        "single_times_faster": {key: ratio(key, "single_seconds") for key in ("fused", "foreach")},
        "norm_times_faster": ratio("norm", "norm_seconds"),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--sizes", default="1000000,135000000")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes = [measure(options.program, int(size), options.threads, options.rounds) for size in options.sizes.split(",")]
    print(json.dumps({"torch": torch.__version__, "threads": options.threads, "sizes": sizes}, indent=1))


if __name__ == "__main__":
    main()
