"""Times `longlab merge` against mergekit 0.1.5 on a model of SmolLM2-135M's shape, and compares what they write.

Usage: python merge.py path/to/longlab [--runs 5] [--threads 2] [--select 0.1] [--folder DIR]

Makes a random bf16 base and two models near it (135M numbers, shards of 100 MB) and merges them by SCE, in turns, each in a
process of its own. mergekit runs as `mergekit-yaml` with --lazy-unpickle, on the CPU, with the same number of threads, once
computing in bf16 (its default, and its fastest) and once in f32. Prints JSON: median seconds of each, seconds of the merge
alone for mergekit (without starting Python and importing torch), processor seconds (which other work on the machine hardly
changes), ratios, and the peak of resident memory.

Needs mergekit 0.1.5 and what it requires (torch, transformers 5, safetensors) in the Python that runs this.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from safetensors import safe_open
from safetensors.torch import save_file

HIDDEN, INNER, LAYERS, KEY_VALUE, VOCAB = 576, 1536, 30, 192, 49152
SHARD = 100_000_000
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INNER,
    "num_hidden_layers": LAYERS, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": VOCAB,
    "tie_word_embeddings": True, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "hidden_act": "silu",
    "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "bfloat16",
}
# Runs mergekit's own command and says on the last line how long the merge took after all imports.
TIMED = """
import sys, time
from mergekit.scripts import run_yaml
started = time.perf_counter()
run_yaml.main(sys.argv[1:], standalone_mode=False)
print("SECONDS", time.perf_counter() - started)
"""


def shapes():
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    yield "model.norm.weight", (HIDDEN,)
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}{name}.weight", (HIDDEN,)
        for name, rows in (("q", HIDDEN), ("k", KEY_VALUE), ("v", KEY_VALUE), ("o", HIDDEN)):
            yield f"{at}self_attn.{name}_proj.weight", (rows, HIDDEN)
        for name, shape in (("gate", (INNER, HIDDEN)), ("up", (INNER, HIDDEN)), ("down", (HIDDEN, INNER))):
            yield f"{at}mlp.{name}_proj.weight", shape


def write_model(folder, tensors):
    folder.mkdir(parents=True)
    shards, size = [{}], 0
    for name, tensor in tensors:
        if size and size + tensor.nbytes > SHARD:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    names = [f"model-{n + 1:05}-of-{len(shards):05}.safetensors" for n in range(len(shards))]
    for name, shard in zip(names, shards):
        save_file(shard, folder / name, metadata={"format": "pt"})
    weight_map = {tensor: name for name, shard in zip(names, shards) for tensor in shard}
    total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(CONFIG))


def make_models(folder):
    """A base of N(0, 0.04), and two models whose distance from it is a twentieth of that, so that bf16 shows it."""
    random = torch.Generator().manual_seed(20261122)
    base = {name: torch.randn(shape, generator=random) * 0.04 for name, shape in shapes()}
    write_model(folder / "base", ((name, tensor.bfloat16()) for name, tensor in base.items()))
    for model in ("one", "two"):
        moved = ((name, (x + torch.randn(x.shape, generator=random) * 0.002).bfloat16()) for name, x in base.items())
        write_model(folder / model, moved)


def recipe(folder, select, dtype):
    models = "".join(f"  - model: {folder / name}\n" for name in ("one", "two"))
    text = f"merge_method: sce\nbase_model: {folder / 'base'}\nmodels:\n{models}parameters:\n  select_topk: {select}\n"
    path = folder / f"{dtype}.yaml"
    path.write_text(text + f"dtype: {dtype}\nout_dtype: bfloat16\n")
    return path


# Starts a command and prints what it took. A process of its own, and a small one: Linux counts the memory of whoever starts a
# process into its peak, and this script has torch loaded.
MEASURE = """
import json, os, subprocess, sys, time
started = time.perf_counter()
child = subprocess.Popen(sys.argv[2:], stdout=open(sys.argv[1], "w"))
_, status, usage = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]))
sys.exit(child.returncode)
"""


def measured(command, threads):
    """Seconds, processor seconds, peak resident memory in bytes, and standard output of a command. OpenMP threads sleep while
    they wait: on a machine with other work, spinning ones would only slow mergekit down."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    with tempfile.NamedTemporaryFile("r") as out:
        child = [sys.executable, "-I", "-S", "-c", MEASURE, out.name, *command]
        ended = subprocess.run(child, env=environment, capture_output=True, text=True)
        if ended.returncode:
            sys.exit(ended.stderr)
        return *json.loads(ended.stdout), out.read()


def tensors_of(folder):
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                yield name, file.get_tensor(name)


def order(bits):
    """Neighbouring bf16 numbers one apart."""
    bits = bits.view(torch.int16).int()
    return torch.where(bits < 0, -(bits & 0x7FFF), bits)


def compared(ours, theirs, base):
    """How many numbers differ; of these, how many are the base's in one result alone, as the two chose other places (equal
    variances, or variances that rounding parts, at the edge of the selection); and of the rest, how many are more than one
    bf16 apart, and by more than a thousandth of the base's number: another choice moves the models' weights a little, which shows
    where models of opposite signs nearly cancel."""
    theirs, base = dict(tensors_of(theirs)), dict(tensors_of(base))
    counts = {"numbers": 0, "differ": 0, "chosen_by_one": 0, "else_more_than_one_bf16_apart": 0}
    names = set()
    for name, a in tensors_of(ours):
        b, kept = theirs[name], base[name]
        apart = (order(a) - order(b)).abs()
        by_one = (apart > 0) & ((a == kept) != (b == kept))
        rest = (a.double() - b.double()).abs() > 1e-3 * kept.double().abs()
        counts["numbers"] += a.numel()
        counts["differ"] += int((apart > 0).sum())
        counts["chosen_by_one"] += int(by_one.sum())
        counts["else_more_than_one_bf16_apart"] += int(((apart > 1) & ~by_one & rest).sum())
        names.add(name)
    assert names == set(theirs), "the same tensors"
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("longlab")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--select", type=float, default=0.1)
    parser.add_argument("--folder", help="keep the models here, and take them from here if they are there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(bench(arguments, pathlib.Path(arguments.folder or scratch)), indent=2))


def bench(arguments, folder):
    if not (folder / "two" / "config.json").exists():
        make_models(folder)
    size = sum(path.stat().st_size for path in (folder / "base").glob("*.safetensors"))
    threads = str(arguments.threads)
    sources = ["--base", folder / "base", "--model", folder / "one", "--model", folder / "two"]
    ours = [arguments.longlab, "merge", "--method", "sce", *sources, "--select", str(arguments.select)]
    ours += ["--shard-size", str(SHARD), "--threads", threads, "--out"]
    flags = ["--lazy-unpickle", "--num-threads", threads, "--out-shard-size", str(SHARD), "--no-copy-tokenizer", "--quiet"]
    commands = {"longlab": ours}
    for dtype in ("bfloat16", "float32"):
        commands[f"mergekit_{dtype}"] = [sys.executable, "-c", TIMED, recipe(folder, arguments.select, dtype)] + flags
    seconds, inner, processor, peak = ({name: [] for name in commands} for _ in range(4))
    for _ in range(arguments.runs):
        for name, command in commands.items():
            out = folder / f"out_{name}"
            shutil.rmtree(out, ignore_errors=True)
            where = [out] if name == "longlab" else []
            if not where:
                command = command[:4] + [out] + command[4:]
            took, busy, memory, text = measured([str(word) for word in command + where], arguments.threads)
            alone = next((float(line.split()[1]) for line in text.splitlines() if line.startswith("SECONDS")), took)
            seconds[name].append(took)
            inner[name].append(alone)
            processor[name].append(busy)
            peak[name].append(memory)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    alone = {name: statistics.median(values) for name, values in inner.items()}
    busy = {name: statistics.median(values) for name, values in processor.items()}
    peers = [name for name in commands if name != "longlab"]
    return {
        "model_bytes": size, "shard_bytes": SHARD, "threads": arguments.threads, "runs": arguments.runs, "select": arguments.select,
        "seconds": seconds, "median_seconds": median, "median_seconds_without_imports": alone,
        "ratio": {name: median[name] / median["longlab"] for name in peers},
        "median_processor_seconds": busy,
        "processor_ratio": {name: busy[name] / busy["longlab"] for name in peers},
        "ratio_without_imports": {name: alone[name] / median["longlab"] for name in peers},
        "peak_rss_bytes": {name: max(values) for name, values in peak.items()},
        "longlab_peak_in_shards": max(peak["longlab"]) / SHARD,
        "agreement": {name: compared(folder / "out_longlab", folder / f"out_{name}", folder / "base") for name in peers},
    }


if __name__ == "__main__":
    main()
