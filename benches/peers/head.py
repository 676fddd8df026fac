"""The output head in eager PyTorch, as verl computes it: log-probability and entropy of each token, and both gradients.

Prints one line of JSON: wall and processor seconds of each repeat after the warm-up, and the peak of resident memory above inputs and
outputs. With --gemm it times the three products alone, the rate this machine's BLAS reaches.

    python benches/peers/head.py --tokens 4096 --width 576 --vocabulary 49152 --dtype bf16 --threads 1
"""

import argparse
import json
import threading
import time

import torch


def resident():
    """Bytes of resident memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


class Peak:
    """The highest resident memory seen while it runs, sampled each 2 ms."""

    def __enter__(self):
        self.peak, self.stop = resident(), threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.stop.wait(0.002):
            self.peak = max(self.peak, resident())

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def forward(hidden, weights, targets, temperature):
    """verl's logprobs_from_logits and entropy_from_logits."""
    logits = (hidden @ weights.T).float()
    logits.div_(temperature)
    lse = torch.logsumexp(logits, dim=-1)
    logp = logits.gather(-1, targets[:, None]).squeeze(-1) - lse
    p = torch.softmax(logits, dim=-1)
    entropy = lse - torch.sum(p * logits, dim=-1)
    return logp, entropy


def once(hidden, weights, targets, up, temperature):
    hidden.grad = weights.grad = None
    logp, entropy = forward(hidden, weights, targets, temperature)
    (up[0] * logp + up[1] * entropy).sum().backward()


def only_forward(hidden, weights, targets, up, temperature):
    with torch.no_grad():
        forward(hidden, weights, targets, temperature)


def gemms(hidden, weights, g):
    with torch.no_grad():
        torch.mm(hidden, weights.T)
        torch.mm(g, weights)
        torch.mm(g.T, hidden)


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("tokens", 4096), ("width", 576), ("vocabulary", 49152), ("threads", 1), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="bf16")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--forward", action="store_true")
    parser.add_argument("--gemm", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
    hidden = torch.randn(args.tokens, args.width).to(dtype).requires_grad_()
    weights = (torch.randn(args.vocabulary, args.width) * (2 / args.width**0.5)).to(dtype).requires_grad_()
    targets = torch.randint(args.vocabulary, (args.tokens,))
    up = torch.randn(2, args.tokens)
    work = lambda: (only_forward if args.forward else once)(hidden, weights, targets, up, args.temperature)
    if args.gemm:
        g = torch.randn(args.tokens, args.vocabulary).to(dtype)
        work = lambda: gemms(hidden, weights, g)
    before, seconds, cpu = resident(), [], []
    with Peak() as peak:
        for turn in range(args.warmup + args.repeats):
            start = time.perf_counter(), time.process_time()
            work()
            if turn >= args.warmup:
                seconds.append(time.perf_counter() - start[0])
                cpu.append(time.process_time() - start[1])
    outputs = 0 if args.forward or args.gemm else (hidden.numel() + weights.numel()) * hidden.element_size()
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "extra_bytes": peak.peak - before - outputs, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
