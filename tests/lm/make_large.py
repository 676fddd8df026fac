"""Writes a checkpoint of Qwen3-4B's shape with random bf16 weights, in shards, to see what a machine makes of it. Not run in CI.

    python tests/lm/make_large.py /tmp/large models/smol         (torch 2.13, transformers 5.23; 8 GB of disk)
    /usr/bin/time -v ./lab ask --model /tmp/large --max-tokens 8 --temperature 0 "What is this?"

The tokenizer and its template are those of the second folder: the words are nonsense anyway.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

SHARD = 2 << 30


def main():
    folder, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    config = Qwen3Config(
        vocab_size=151936, hidden_size=2560, intermediate_size=9728, num_hidden_layers=36, num_attention_heads=32,
        num_key_value_heads=8, head_dim=128, max_position_embeddings=262144, rope_theta=5000000.0, rms_norm_eps=1e-6,
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        names = Qwen3ForCausalLM(config).state_dict()
    names.pop("lm_head.weight")
    torch.manual_seed(0)
    shards, size, index, total = {}, 0, {}, 0

    def flush():
        nonlocal shards, size
        name = f"model-{len(set(index.values())) + 1:05d}.safetensors"
        save_file(shards, folder / name, metadata={"format": "pt"})
        index.update({key: name for key in shards})
        shards, size = {}, 0

    for key, meta in names.items():
        tensor = torch.ones(meta.shape) if "norm" in key else torch.randn(meta.shape) * 0.02
        shards[key] = tensor.to(torch.bfloat16)
        size += shards[key].nbytes
        total += shards[key].nbytes
        if size > SHARD:
            flush()
    if shards:
        flush()
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=1)
    )
    config.architectures = ["Qwen3ForCausalLM"]
    config.save_pretrained(folder)
    for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]:
        shutil.copy(tokenizer / name, folder / name)
    print(json.dumps({"parameters": total // 2, "shards": sorted(set(index.values()))}))


main()
