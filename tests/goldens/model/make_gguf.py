"""Makes kinds.gguf, kinds.f32 and the twin checkpoints llama, qwen3_moe and llama_factors.

    pip install gguf==0.19.0 numpy safetensors && python make_gguf.py

The numbers are those of the gguf package's own `dequantize`; the rows of Llama's q and k are permuted by the formula of
llama.cpp's converter (LlamaModel.permute).
"""

import json
import os
import warnings

import numpy as np
from gguf import GGMLQuantizationType as K
from gguf import GGUFValueType as V
from gguf import GGUFWriter, quants
from gguf.constants import GGML_QUANT_SIZES
from safetensors.numpy import save_file

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20261122)
KINDS = [K.F32, K.F16, K.BF16, K.Q4_0, K.Q4_1, K.Q5_0, K.Q5_1, K.Q8_0, K.Q4_K, K.Q5_K, K.Q6_K]
WIDTH, ROWS = 256, 6
# Zero, the smallest and largest halves, minus zero, infinities, not a number.
HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x3C00, 0xBC01]


def blocks(kind):
    """Rows of stored bytes: blocks of the package's quantiser where it has one, random bytes, all ones, odd scales."""
    block, size = GGML_QUANT_SIZES[kind]
    row = WIDTH // block * size
    data = rng.integers(0, 256, (ROWS, row), dtype=np.uint8)
    if kind not in (K.Q4_K, K.Q5_K, K.Q6_K):
        numbers = rng.standard_normal((2, WIDTH)).astype(np.float32) * np.float32(0.05)
        data[:2] = quants.quantize(numbers, kind).view(np.uint8).reshape(2, row)
    data[2] = 255
    data[3] = 0
    if block > 1:
        last = size - 2 if kind == K.Q6_K else 0
        heads = data[4:].reshape(-1, size)
        for i, one in enumerate(heads):
            scale = HALVES[(i + 4) % len(HALVES)] if i % 2 else 0x2C00 + i
            one[last : last + 2] = np.frombuffer(np.uint16(scale).tobytes(), np.uint8)
    return data


def kinds():
    writer = GGUFWriter("kinds.gguf", "llama")
    for name, value, kind in [
        ("u8", 255, V.UINT8), ("i8", -128, V.INT8), ("u16", 65535, V.UINT16), ("i16", -32768, V.INT16),
        ("u32", 2**32 - 1, V.UINT32), ("i32", -(2**31), V.INT32), ("u64", 2**64 - 1, V.UINT64),
        ("i64", -(2**63), V.INT64), ("f32", 0.1, V.FLOAT32), ("f64", 0.1, V.FLOAT64), ("bool", True, V.BOOL),
        ("text", "Zürich\n", V.STRING),
    ]:
        writer.add_key_value(f"test.{name}", value, kind)
    writer.add_array("test.texts", ["", "a", "é"])
    writer.add_array("test.numbers", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -1.0])
    writer.add_array("test.truths", [True, False])
    values = b""
    for kind in KINDS:
        data = blocks(kind)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        if kind in (K.F32, K.F16):
            numbers = data.view({K.F32: np.float32, K.F16: np.float16}[kind]).astype(np.float32)
        else:
            numbers = quants.dequantize(data, kind)
        assert numbers.shape == (ROWS, WIDTH), (kind, numbers.shape)
        values += numbers.astype("<f4").tobytes()
    finish(writer)
    with open("kinds.f32", "wb") as file:
        file.write(values)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permute(weights, heads):
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def numbers(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def twin(name, arch, d, heads, shared, head, inner, vocab, layers, experts, tied, factor=None):
    os.makedirs(name, exist_ok=True)
    hf, writer = {}, GGUFWriter(f"{name}.gguf", arch)
    writer.add_context_length(512)
    writer.add_embedding_length(d)
    writer.add_block_count(layers)
    writer.add_head_count(heads)
    writer.add_head_count_kv(shared)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    config = {
        "hidden_size": d, "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": shared,
        "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "tie_word_embeddings": tied, "vocab_size": vocab,
        "max_position_embeddings": 512,
    }

    def both(hf_name, gguf_name, weights, stored=None):
        hf[hf_name] = weights
        writer.add_tensor(gguf_name, weights if stored is None else stored)

    both("model.embed_tokens.weight", "token_embd.weight", numbers(vocab, d))
    for i in range(layers):
        a, b = f"model.layers.{i}.", f"blk.{i}."
        q, k = numbers(heads * head, d), numbers(shared * head, d)
        llama = arch == "llama"
        both(a + "self_attn.q_proj.weight", b + "attn_q.weight", q, permute(q, heads) if llama else q)
        both(a + "self_attn.k_proj.weight", b + "attn_k.weight", k, permute(k, shared) if llama else k)
        both(a + "self_attn.v_proj.weight", b + "attn_v.weight", numbers(shared * head, d))
        both(a + "self_attn.o_proj.weight", b + "attn_output.weight", numbers(d, heads * head))
        both(a + "input_layernorm.weight", b + "attn_norm.weight", numbers(d))
        both(a + "post_attention_layernorm.weight", b + "ffn_norm.weight", numbers(d))
        if not llama:
            both(a + "self_attn.q_norm.weight", b + "attn_q_norm.weight", numbers(head))
            both(a + "self_attn.k_norm.weight", b + "attn_k_norm.weight", numbers(head))
        for part, shape in [("gate", (inner, d)), ("up", (inner, d)), ("down", (d, inner))]:
            if experts:
                all_of_them = numbers(experts, *shape)
                for e in range(experts):
                    hf[f"{a}mlp.experts.{e}.{part}_proj.weight"] = all_of_them[e].copy()
                writer.add_tensor(f"{b}ffn_{part}_exps.weight", all_of_them)
            else:
                both(f"{a}mlp.{part}_proj.weight", f"{b}ffn_{part}.weight", numbers(*shape))
        if experts:
            both(a + "mlp.gate.weight", b + "ffn_gate_inp.weight", numbers(experts, d))
    both("model.norm.weight", "output_norm.weight", numbers(d))
    if not tied:
        both("lm_head.weight", "output.weight", numbers(vocab, d))
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)
        writer.add_expert_feed_forward_length(inner)
        writer.add_key_length(head)
        writer.add_feed_forward_length(3 * inner)
        writer.add_rope_scaling_type(__import__("gguf").RopeScalingType.YARN)
        writer.add_rope_scaling_factor(4.0)
        writer.add_rope_scaling_orig_ctx_len(128)
        config |= {
            "model_type": "qwen3_moe", "head_dim": head, "intermediate_size": 3 * inner, "num_experts": experts,
            "num_experts_per_tok": 2, "moe_intermediate_size": inner, "norm_topk_prob": True, "mlp_only_layers": [],
            "decoder_sparse_step": 1,
            "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
        }
    else:
        writer.add_feed_forward_length(inner)
        config |= {"model_type": "llama", "intermediate_size": inner}
        if factor:
            # All frequencies divided by one number: what a folder calls linear scaling.
            writer.add_tensor("rope_freqs.weight", np.full(head // 2, factor, dtype=np.float32))
            config["rope_scaling"] = {"rope_type": "linear", "factor": factor}
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["<s>", "</s>", "a"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_chat_template("{{ bos_token }}")
    finish(writer)
    json.dump(config, open(f"{name}/config.json", "w"), indent=1)
    json.dump({"eos_token_id": [1], "temperature": 0.6, "top_p": 0.95, "top_k": 20}, open(f"{name}/generation_config.json", "w"))
    tokenizer = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": None, "chat_template": "{{ bos_token }}"}
    json.dump(tokenizer, open(f"{name}/tokenizer_config.json", "w"))
    names = sorted(hf)
    if not experts:
        save_file(hf, f"{name}/model.safetensors")
        return
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    where = {one: files[i % 2] for i, one in enumerate(names)}
    for file in files:
        save_file({one: hf[one] for one in names if where[one] == file}, f"{name}/{file}")
    index = {"metadata": {"total_size": sum(x.nbytes for x in hf.values())}, "weight_map": where}
    json.dump(index, open(f"{name}/model.safetensors.index.json", "w"))


kinds()
twin("llama", "llama", d=16, heads=4, shared=2, head=4, inner=8, vocab=3, layers=2, experts=0, tied=True)
twin("qwen3_moe", "qwen3moe", d=8, heads=4, shared=2, head=4, inner=6, vocab=3, layers=2, experts=3, tied=False)
twin("llama_factors", "llama", d=16, heads=4, shared=2, head=4, inner=8, vocab=3, layers=1, experts=0, tied=True, factor=2.0)
