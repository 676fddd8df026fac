"""Two layers of Qwen3-30B-A3B at full width, random weights, longlab's f32 decoder beside transformers. Not run in CI.

    cargo build --release --example decoder_logits
    python tests/lm/check_wide.py target/release/examples/decoder_logits /tmp/wide        (torch 2.13, transformers 5.23; 2.6 GB of disk, 8 GB of memory)

128 experts of width 768, 8 a token, hidden 2,048, 32 and 4 heads of 128; the vocabulary is cut down to 8,192. The folder is written in
bf16 and both sides compute in f32: logits of a prompt of 96 tokens, and 32 greedy tokens after it. Prints JSON; fails beyond 1e-4 of the
largest logit, or where a token differs. The folder is left behind, and used again if it is there.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

SHAPE = dict(
    vocab_size=8192, hidden_size=2048, num_hidden_layers=2, num_attention_heads=32, num_key_value_heads=4, head_dim=128,
    intermediate_size=6144, moe_intermediate_size=768, num_experts=128, num_experts_per_tok=8, norm_topk_prob=True,
    rms_norm_eps=1e-6, max_position_embeddings=262144, tie_word_embeddings=False, bos_token_id=1, eos_token_id=None,
    rope_parameters={"rope_type": "default", "rope_theta": 10000000.0},
)  # fmt: skip
PROMPT, TOKENS, BAR = 96, 32, 1e-4


def write(folder):
    config = Qwen3MoeConfig(**SHAPE)
    torch.set_default_dtype(torch.bfloat16)
    model = Qwen3MoeForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            norm = parameter.dim() == 1
            parameter.normal_(1.0 if norm else 0.0, 0.2 if norm else 0.04, generator=generator)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def main():
    binary, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(2)
    if not (folder / "config.json").exists():
        write(folder)
    ids, logits = folder / "prompt.json", folder / "logits.bin"
    prompt = torch.randint(SHAPE["vocab_size"], (1, PROMPT), generator=torch.Generator().manual_seed(1))
    ids.write_text(json.dumps(prompt[0].tolist()))
    command = [binary, folder, "--ids", ids, "--into", logits, "--tokens", str(TOKENS)]
    ours = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found = torch.frombuffer(bytearray(logits.read_bytes()), dtype=torch.float32).view(PROMPT, -1)

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.inference_mode():
        expected = model(prompt).logits[0]
        greedy = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=TOKENS, do_sample=False, pad_token_id=0)
    greedy = greedy[0, PROMPT:].tolist()
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    print(json.dumps({
        "parameters": model.num_parameters(), "largest_logit": expected.abs().max().item(), "error": error,
        "equal_tokens": sum(a == b for a, b in zip(ours["tokens"], greedy)), "tokens": TOKENS, "different_tokens": len(set(greedy)),
        "experts_used": ours["experts_used"],
    }))  # fmt: skip
    assert error < BAR, "the logits differ"
    assert ours["tokens"] == greedy, (ours["tokens"], greedy)


main()
