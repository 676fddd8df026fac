"""One GRPO step (rollout and update) of longlab beside TRL's GRPOTrainer: the same weights, prompts, group and response length,
f32, the same threads, in turns on one machine.

    python benches/peers/step.py micro|llama135m --bench "cargo bench --bench step --" [--threads 1] [--steps 4] [--rounds 2]

Needs torch 2.13, transformers 5.23, trl 1.16. Prints one JSON object with the median seconds a step of each and their ratio.

TRL at its best: no gradient checkpointing, no reference model, no KL, one generation and one update a batch, right-sized
micro-batch (the fastest of those tried by --micro), key/value cache, responses of exactly the asked length on both sides. It gets
longlab's allocator setting and MKL answer by environment and preload where these help (--plain measures its defaults).
"""

import argparse, json, os, random, statistics, subprocess, sys, tempfile, time
from pathlib import Path

SHAPES = {
    "micro": dict(hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
                  num_key_value_heads=2, head_dim=32, vocab_size=584),
    # The widths of SmolLM2-135M in a Qwen3 decoder (which adds a norm to queries and keys).
    "llama135m": dict(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                      num_key_value_heads=3, head_dim=64, vocab_size=49152),
}
CASES = {
    "micro": dict(prompts=16, length=384, group=8, response=32, micro_prompts=4),
    "llama135m": dict(prompts=1, length=1024, group=8, response=64, micro_prompts=1),
}


def make(folder, name, threads):
    """Random weights and prompts that both sides read."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    shape, case = SHAPES[name], CASES[name]
    config = Qwen3Config(**shape, tie_word_embeddings=True, max_position_embeddings=4096, rope_theta=1e6,
                         pad_token_id=0, bos_token_id=1, eos_token_id=1)
    Qwen3ForCausalLM(config).to(torch.float32).save_pretrained(folder, max_shard_size="10GB")
    flat = json.loads((folder / "config.json").read_text())
    flat["rope_theta"] = 1e6
    (folder / "config.json").write_text(json.dumps(flat))
    words = {"<pad>": 0, "<eos>": 1} | {f"w{i}": i for i in range(2, shape["vocab_size"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>").save_pretrained(folder)
    draw = random.Random(1)
    prompts = [[draw.randrange(2, shape["vocab_size"]) for _ in range(case["length"])] for _ in range(case["prompts"])]
    out = dict(prompts=prompts, group=case["group"], response=case["response"], micro_prompts=case["micro_prompts"],
               threads=threads)
    (folder / "case.json").write_text(json.dumps(out))


def trl(folder, steps, micro):
    """Seconds of each step of GRPOTrainer; run in a process of its own."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, Qwen3ForCausalLM, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    case = json.loads((folder / "case.json").read_text())
    torch.set_num_threads(case["threads"])
    rows = len(case["prompts"]) * case["group"]
    micro = micro or rows
    args = GRPOConfig(
        output_dir=str(folder / "out"), use_cpu=True, bf16=False, fp16=False, gradient_checkpointing=False,
        per_device_train_batch_size=micro, gradient_accumulation_steps=rows // micro, num_generations=case["group"],
        max_completion_length=case["response"], temperature=0.7, top_p=0.95, top_k=0, beta=0.0, num_iterations=1,
        loss_type="grpo", scale_rewards="group", learning_rate=1e-6, lr_scheduler_type="constant", max_steps=steps,
        logging_steps=1, save_strategy="no", report_to=[], optim="adamw_torch", max_grad_norm=1.0, shuffle_dataset=False,
        generation_kwargs=dict(min_new_tokens=case["response"]), disable_tqdm=True, dataloader_num_workers=0,
    )
    text = [" ".join(f"w{token}" for token in prompt) for prompt in case["prompts"]]
    seconds, parts = [], {"rollout": 0.0}

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            parts["start"], parts["rollout"] = time.perf_counter(), 0.0

        def on_step_end(self, *_, **__):
            whole = time.perf_counter() - parts["start"]
            seconds.append(dict(rollout=parts["rollout"], update=whole - parts["rollout"]))

    def reward(completion_ids, **_):
        lengths = {len(ids) for ids in completion_ids}
        assert lengths == {case["response"]}, lengths
        return [float(i % 2) for i in range(len(completion_ids))]

    trainer = GRPOTrainer(
        model=Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32), reward_funcs=reward, args=args,
        train_dataset=Dataset.from_dict({"prompt": text}), callbacks=[Clock()],
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    inner = trainer._generate_and_score_completions

    def timed(inputs):
        start = time.perf_counter()
        out = inner(inputs)
        parts["rollout"] += time.perf_counter() - start
        return out

    trainer._generate_and_score_completions = timed
    trainer.train()
    for step in seconds:
        print(json.dumps(step), flush=True)


def steps(command, environment):
    """The steps that a side printed, without the first."""
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"rollout"')]
    if run.returncode or len(found) < 2:
        why = f"ended with {run.returncode} after {len(found)} steps (a negative number is a signal; -9 mostly means memory: try --micro 2)"
        sys.exit(f"{command[0]} {why}\n{run.stderr[-2000:]}")
    return found[1:]


def preload(folder):
    """A library that gives the peer longlab's MKL answer."""
    source, library = folder / "mkl.c", folder / "mkl.so"
    source.write_text("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
    done = subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source])
    return str(library) if done.returncode == 0 else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--bench", default="cargo bench --bench step --")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=4, help="steps a round; the first is not counted")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--micro", type=int, nargs="*", default=[0], help="TRL's rows a pass; 0: all at once")
    parser.add_argument("--plain", action="store_true", help="leave the peer's environment alone")
    parser.add_argument("--trl", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.trl:
        return trl(Path(args.trl), args.steps, args.micro[0])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make(folder, args.shape, args.threads)
        shared = dict(os.environ, OMP_NUM_THREADS=str(args.threads), GOMP_SPINCOUNT="0", HF_HUB_OFFLINE="1")
        peer = dict(shared)
        if not args.plain:
            peer |= dict(LD_PRELOAD=preload(folder), MALLOC_MMAP_MAX_="0", MALLOC_TRIM_THRESHOLD_="2000000000",
                         MALLOC_TOP_PAD_=str(256 << 20))
        ours, theirs = [], {micro: [] for micro in args.micro}
        for _ in range(args.rounds):
            ours += steps([*args.bench.split(), "--peer", str(folder), str(args.steps)], shared)
            for micro in args.micro:
                theirs[micro] += steps([sys.executable, __file__, args.shape, "--trl", str(folder), "--steps",
                                        str(args.steps), "--micro", str(micro)], peer)

    def median(run):
        return {part: statistics.median(step[part] for step in run) for part in ("rollout", "update")} | {
            "step": statistics.median(step["rollout"] + step["update"] for step in run), "steps": len(run)}

    peers = {micro or "all": median(run) for micro, run in theirs.items()}
    best = min(peers, key=lambda micro: peers[micro]["step"])
    own = median(ours)
    ratio = {part: round(peers[best][part] / own[part], 2) for part in ("rollout", "update", "step")}
    print(json.dumps(dict(shape=args.shape, case=CASES[args.shape], threads=args.threads, longlab=own, trl=peers,
                          best_rows_a_pass=best, ratio=ratio), indent=1))


main()
