"""Small random decoders of each family, and what transformers makes of them: logits, a loss, its gradients, greedy tokens.

    python tests/goldens/lm/make.py        (torch 2.13, transformers 5.23; not run in CI)

Inputs are ours, outputs are facts. Each folder holds config.json and model.safetensors as `save_pretrained` writes them, and
facts.json: `tokens` [2, T], `logits` of the last position of both rows and of position 3 of the first, `loss` (mean cross-entropy of the next token, both
rows), `gradients` (name -> [L2 norm, sum of elements times (index % 7 - 3)]), `greedy` (the next 128 tokens of the first row), `long` (logits of the last
position of one row of 96 tokens, which rotary scaling shows in), `half` (how far transformers' own logits of that row in bf16 are from
those in f32: the norm of the difference over that of the logits, over all positions).
"""

import json
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

HERE = Path(__file__).parent
COMMON = dict(
    vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, rms_norm_eps=1e-6, max_position_embeddings=512, bos_token_id=1, eos_token_id=None,
)
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "rope_theta": 10000.0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64, "rope_theta": 10000.0}
EXPERTS = dict(num_experts=8, num_experts_per_tok=3, moe_intermediate_size=16, output_router_logits=False)


def plain(theta):
    return {"rope_type": "default", "rope_theta": theta}


def models():
    qwen, moe, llama = Qwen3ForCausalLM, Qwen3MoeForCausalLM, LlamaForCausalLM
    yield "qwen3", qwen, Qwen3Config(**COMMON, head_dim=16, tie_word_embeddings=True, rope_parameters=plain(1e6))
    yield "qwen3_yarn", qwen, Qwen3Config(**COMMON, head_dim=8, tie_word_embeddings=False, rope_parameters=YARN)
    yield "qwen3_moe", moe, Qwen3MoeConfig(**COMMON, **EXPERTS, head_dim=8, norm_topk_prob=True, rope_parameters=plain(1e6))
    yield "qwen3_moe_mixed", moe, Qwen3MoeConfig(
        **COMMON, **EXPERTS, head_dim=8, norm_topk_prob=False, mlp_only_layers=[0], rope_parameters=plain(1e4))
    yield "llama", llama, LlamaConfig(**COMMON, tie_word_embeddings=True, rope_parameters=plain(1e5))
    yield "llama3", llama, LlamaConfig(**COMMON, tie_word_embeddings=False, rope_parameters=LLAMA3)


def weights(model, seed):
    """Larger than usual, so that no logits are near each other; norms away from 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.dim() == 1 else 0.25 * noise)


def facts(model, seed):
    generator = torch.Generator().manual_seed(1000 + seed)
    tokens = torch.randint(0, 96, (2, 12), generator=generator)
    logits = model(tokens).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 96), tokens[:, 1:].reshape(-1))
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.double().flatten()
        signs = torch.arange(gradient.numel()) % 7 - 3
        gradients[name] = [gradient.norm().item(), (gradient * signs).sum().item()]
    row = tokens[:1].clone()
    with torch.no_grad():
        for _ in range(128):
            row = torch.cat([row, model(row).logits[:, -1].argmax(-1, keepdim=True)], 1)
        long = torch.randint(0, 96, (1, 96), generator=generator)
        far = model(long).logits[0]
        half = model.bfloat16()(long).logits[0].float()
    return {
        "tokens": tokens.tolist(), "logits": [logits[0, -1].tolist(), logits[1, -1].tolist(), logits[0, 3].tolist()],
        "loss": loss.item(), "gradients": gradients, "greedy": row[0, 12:].tolist(),
        "long_tokens": long[0].tolist(), "long": far[-1].tolist(), "half": ((half - far).norm() / far.norm()).item(),
    }


def main():
    torch.set_num_threads(1)
    for seed, (name, family, config) in enumerate(models()):
        config._attn_implementation = "eager"
        if hasattr(config, "_experts_implementation"):
            config._experts_implementation = "eager"
        torch.manual_seed(seed)
        model = family(config).float().eval()
        weights(model, seed)
        folder = HERE / name
        model.save_pretrained(folder)
        (folder / "facts.json").write_text(json.dumps(facts(model, seed)) + "\n")
        (folder / "generation_config.json").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
