"""The peers of answers.py, one measurement a process: prints one line of JSON.

    python answers_peer.py transformers FOLDER --ids FILE [--dtype f32] [--attention sdpa] [--cache dynamic] [--tokens 64] [--threads 2]
    python answers_peer.py transformers FOLDER --ids FILE --prefill
    python answers_peer.py llama MODEL.gguf --ids FILE [--tokens 64] [--threads 2]
    python answers_peer.py gguf MODEL.gguf NEW.gguf --dtype f16|bf16      a GGUF file with all its matrices in 16 bits

Packages: torch 2.13, transformers 5.23; xllamacpp (llama.cpp); gguf.
"""

import argparse
import json
import time


def peak():
    """The most resident memory so far, bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def transformers(args, prompts):
    import torch
    from transformers import AutoModelForCausalLM, StoppingCriteria, StoppingCriteriaList
    from transformers.utils import logging

    logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    start = time.perf_counter()
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype, attn_implementation=args.attention).eval()
    load, before = time.perf_counter() - start, peak()
    # Nothing may end early, and nothing is looked for at every token.
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = None, 0
    if args.prefill:
        every, following = [], []
        for prompt in prompts:
            ids, seconds = torch.tensor([prompt]), []
            for _ in range(args.repeats):
                start = time.perf_counter()
                with torch.inference_mode():
                    out = model(input_ids=ids, use_cache=True, logits_to_keep=1)
                    token = out.logits[0, -1].argmax().item()
                seconds.append(time.perf_counter() - start)
                del out
            every.append(seconds)
            following.append(token)
        return {"load": load, "all": every, "next": following, "before": before, "peak": peak()}

    class Clock(StoppingCriteria):
        def __call__(self, input_ids, scores, **_):
            self.times.append(time.perf_counter())
            return torch.zeros(input_ids.shape[0], dtype=torch.bool)

    clock, ids = Clock(), torch.tensor(prompts)
    settings = {} if args.cache == "dynamic" else {"cache_implementation": args.cache}

    def generate(tokens):
        clock.times = []
        start = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
                stopping_criteria=StoppingCriteriaList([clock]), **settings,
            )
        assert out.shape[1] == ids.shape[1] + tokens, "an answer ended early"
        return clock.times[0] - start, time.perf_counter() - start, out[:, ids.shape[1]:].tolist()

    if args.compile:
        model.forward = torch.compile(model.forward, dynamic=False)
        generate(args.tokens)
    firsts, totals = [], []
    for _ in range(args.repeats):
        first, total, tokens = generate(args.tokens)
        firsts.append(first)
        totals.append(total)
    return {"load": load, "first": firsts, "all": totals, "tokens": tokens, "peak": peak()}


def llama(args, prompts):
    """llama.cpp's own clock: milliseconds of the prompt and of what follows its first token."""
    import xllamacpp

    start = time.perf_counter()
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.n_ctx, params.n_parallel, params.warmup = 2048, 1, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.verbosity, params.port = -1, 0
    server = xllamacpp.Server(params)
    load, firsts, totals, tokens = time.perf_counter() - start, [], [], []
    for _ in range(args.repeats):
        for prompt in prompts:
            answer = server.handle_completions({
                "prompt": prompt, "n_predict": args.tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False,
                "samplers": ["temperature"], "return_tokens": True,
            })  # fmt: skip
            answer = json.loads(answer) if isinstance(answer, str) else answer
            timings = answer["timings"]
            assert timings["predicted_n"] == args.tokens and timings["prompt_n"] >= len(prompt), timings
            firsts.append(timings["prompt_ms"] / 1e3)
            totals.append((timings["prompt_ms"] + timings["predicted_ms"]) / 1e3)
            tokens.append(answer.get("tokens"))
    return {"load": load, "first": firsts, "all": totals, "tokens": tokens[-len(prompts):], "peak": peak()}


def gguf(source, target, dtype):
    import gguf
    import numpy

    reader = gguf.GGUFReader(source)
    architecture = reader.get_field("general.architecture").contents()
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name == gguf.Keys.General.ARCHITECTURE or field.name.startswith("GGUF."):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        value = field.contents()
        if field.name == gguf.Keys.General.FILE_TYPE:
            value = gguf.LlamaFileType.MOSTLY_F16 if dtype == "f16" else gguf.LlamaFileType.MOSTLY_BF16
        writer.add_key_value(field.name, value, kind, sub_type=inner)
    wanted = gguf.GGMLQuantizationType.F16 if dtype == "f16" else gguf.GGMLQuantizationType.BF16
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        values = values.reshape([int(n) for n in reversed(tensor.shape)])
        kind = wanted if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(tensor.name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["transformers", "llama", "gguf"])
    parser.add_argument("model")
    parser.add_argument("target", nargs="?")
    parser.add_argument("--ids")
    parser.add_argument("--dtype", default="f32")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--cache", default="dynamic")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--prefill", action="store_true")
    for name, default in (("tokens", 64), ("threads", 2), ("repeats", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    if args.peer == "gguf":
        return gguf(args.model, args.target, args.dtype)
    with open(args.ids) as file:
        prompts = json.load(file)
    print(json.dumps((transformers if args.peer == "transformers" else llama)(args, prompts)))


if __name__ == "__main__":
    main()
