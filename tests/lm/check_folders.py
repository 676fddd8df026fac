"""Whether transformers and PEFT load what longlab writes. Not run in CI.

    ./lab model smol --write /tmp/smol
    ./lab run SPEC                                  # a job with lora.rank above 0
    python tests/lm/check_folders.py /tmp/smol experiments/micro/base --adapter results/jobs/ID/checkpoint experiments/micro/base

Packages: torch 2.13, transformers 5.23, peft. Each folder is loaded with AutoTokenizer, AutoModelForCausalLM and GenerationConfig, and
answers; of an adapter, the model that PEFT makes of the base and `adapter/` must give the logits of the merged folder.
"""

import argparse
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig


def check_folder(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    generation = GenerationConfig.from_pretrained(folder)
    assert generation.eos_token_id is not None, "no end of answers"
    text = "The capital of Norway is" if tokenizer.chat_template else "Anna lives in"
    ids = tokenizer(text, return_tensors="pt").input_ids
    out = model.generate(ids, max_new_tokens=8, do_sample=False)
    found = {
        "folder": folder,
        "class": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokenizer": type(tokenizer).__name__,
        "eos": generation.eos_token_id,
        "template": bool(tokenizer.chat_template),
        "says": tokenizer.decode(out[0]),
    }
    if tokenizer.chat_template:
        found["prompt"] = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
        )
    print(json.dumps(found, indent=1))


def check_adapter(merged, base):
    from peft import PeftModel

    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    ids = torch.arange(20, 60).unsqueeze(0) % plain.config.vocab_size
    with torch.no_grad():
        before = plain(ids).logits
        adapted = PeftModel.from_pretrained(plain, f"{merged}/adapter")
        ours = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
        logits, expected = adapted(ids).logits, ours(ids).logits
    error = (logits - expected).abs().max().item() / expected.abs().max().item()
    moved = (before - expected).abs().max().item() / expected.abs().max().item()
    print(json.dumps({"adapter": f"{merged}/adapter", "error": error, "moved": moved}))
    assert moved > 1e-4, "the adapter has learned nothing: nothing is shown"
    assert error < 1e-4, "PEFT makes another model of it"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--adapter", nargs=2, metavar=("CHECKPOINT", "BASE"), action="append", default=[])
    args = parser.parse_args()
    for folder in args.folders:
        check_folder(folder)
    for merged, base in args.adapter:
        check_adapter(merged, base)
    print("all as it should be", file=sys.stderr)


if __name__ == "__main__":
    main()
