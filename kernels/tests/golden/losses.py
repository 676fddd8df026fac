"""Writes losses.jsonl and advantages.jsonl: what verl and TRL compute, by their own code, on inputs made here.

Usage: python losses.py (rerunning gives the same bytes), in an environment made once by

    python3.11 -m venv goldvenv
    goldvenv/bin/pip install torch==2.13.0 numpy==2.3.5 packaging==25.0 pydantic==2.12.5
    goldvenv/bin/pip install --no-deps verl==0.9.1 trl==1.16.0 mergekit==0.1.5

Everything else the peers import is stubbed (peers.py), none of it numeric. README.md tells the layout and the surprises.
"""

import contextlib
import dataclasses
import importlib
import json
import math
from collections import defaultdict, deque
from types import SimpleNamespace

import peers

peers.start(
    "transformers datasets accelerate pandas huggingface_hub omegaconf hydra ray tensordict codetiming yaml orjson PIL tqdm "
    "psutil cloudpickle pyarrow requests urllib3".split(),
    {"torch": "2.13.0", "numpy": "2.3.5", "verl": "0.9.1", "trl": "1.16.0"},
)

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)

verl = importlib.import_module("verl.trainer.ppo.core_algos")
verl_F = importlib.import_module("verl.utils.torch_functional")
trl = importlib.import_module("trl.trainer.grpo_trainer")
VERL, TRL = "verl 0.9.1", "TRL 1.16.0"
DTYPES = {"f64": torch.float64, "f32": torch.float32}


class Writer:
    def __init__(self, name):
        self.path, self.lines = peers.HERE / name, []

    def add(self, **line):
        self.lines.append(json.dumps(peers.plain(line), separators=(",", ":"), allow_nan=False))

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")


def rounded(array, digits=4):
    return np.round(np.asarray(array, dtype=np.float64), digits) + 0.0


rng = np.random.default_rng(20261122)


# ---- the batches


def finish(old, log_ratio, rows, mask, **extra):
    old, mask = rounded(old), np.asarray(mask)
    logp = rounded(old + log_ratio)
    size = old.shape
    batch = {
        "logp": logp,
        "old_logp": old,
        "ref_logp": rounded(logp + rng.uniform(-0.5, 0.5, size)),
        "entropy": rounded(rng.uniform(0.05, 3.0, size)),
        "weights": rounded(rng.uniform(0.5, 2.0, size)),
        "row_advantages": rounded(rows),
        "advantages": rounded(np.asarray(rows)[:, None] * mask),
        "mask": mask,
    }
    return batch | extra


def ragged():
    lengths = [7, 5, 3, 1, 6, 7, 2, 4, 7, 1, 5, 6]
    mask = (np.arange(7) < np.array(lengths)[:, None]).astype(np.int64)
    rows = rounded([1.1, -0.7, 0.0, 0.45, -1.3, 0.8, 0.9, -0.4, 0.35, -1.2, 1.4, -0.55])
    return finish(rng.uniform(-3.0, -0.7, (12, 7)), rng.uniform(-0.6, 0.6, (12, 7)), rows, mask)


def tokens():
    """As ragged, but the advantage differs from token to token."""
    batch = ragged()
    advantages = rounded(rng.normal(0.0, 1.0, (12, 7)), 3)
    advantages[rng.uniform(size=(12, 7)) < 0.1] = 0.0
    return batch | {"advantages": advantages * batch["mask"] + 0.0}


def edge():
    """A one-token row, ratio exactly 1, advantage 0, nothing but padding, a far ratio, a hole in the mask."""
    r = [
        ([0.0, 0.3, -0.3, 0.1], [1, 0, 0, 0], 1.0),
        ([0.0, 0.0, 0.0, 0.0], [1, 1, 1, 1], -1.0),
        ([0.5, -0.4, 0.2, 0.0], [1, 1, 1, 0], 0.0),
        ([0.2, 0.1, -0.2, 0.3], [0, 0, 0, 0], 0.7),
        ([0.9, 0.0, 0.0, 0.0], [1, 0, 0, 0], 0.8),
        ([1.5, -0.1, 1.2, 0.4], [1, 1, 1, 1], -1.5),
        ([-0.5, -0.9, 0.05, 0.0], [1, 1, 1, 1], -0.6),
        ([0.55, 0.7, -0.55, 0.1], [1, 0, 1, 1], 0.9),
    ]
    log_ratio, mask, rows = (np.array([x[i] for x in r]) for i in range(3))
    return finish(rng.uniform(-3.5, -1.6, (8, 4)), log_ratio, rows, mask)


def extreme():
    """Log-ratios past every clamp (10, 20), and reference log-probs as far away."""
    log_ratio = np.array([[12.0, 11.0, 13.0, 10.5], [-12.0, 25.0, 3.0, -25.0], [21.0, -19.5, 9.5, 0.1], [-21.0, -3.0, -10.5, 2.0]])
    old = np.where(log_ratio > 0, -1.25 - log_ratio, -1.25) + rounded(rng.uniform(-0.5, 0.5, (4, 4)))
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]])
    batch = finish(old, log_ratio, [1.0, -1.0, 0.5, -0.5], mask)
    offset = np.array([[0.0, 5.0, -5.0, 2.5], [20.5, -20.5, 1.0, -1.0], [19.5, 3.0, 2.0, 0.1], [-30.0, 30.0, 0.5, -2.0]])
    return batch | {"ref_logp": rounded(batch["logp"] + offset)}


BATCHES = {"ragged": ragged(), "tokens": tokens(), "edge": edge(), "extreme": extreme()}


def tensors(name, dtype):
    """A batch as torch: floats of the given type, the mask int64 as both trainers hand it over; logp and entropy ask for gradients."""
    out = SimpleNamespace()
    for key, value in BATCHES[name].items():
        out.__dict__[key] = torch.tensor(value) if value.dtype == np.int64 else torch.tensor(value, dtype=DTYPES[dtype])
    out.logp.requires_grad_(True)
    out.entropy.requires_grad_(True)
    return out


@contextlib.contextmanager
def default_dtype(name):
    torch.set_default_dtype(DTYPES[name])
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


# ---- verl's policy losses

losses = Writer("losses.jsonl")
for name, batch in BATCHES.items():
    losses.add(batch=name, inputs=batch)


def actor(agg="token-mean", policy_loss=None, batch_info=None, **fields):
    config = importlib.import_module("verl.workers.config.actor")
    return config.ActorConfig(
        strategy="fsdp",
        rollout_n=1,
        ppo_micro_batch_size_per_gpu=1,
        loss_agg_mode=agg,
        policy_loss=config.PolicyLossConfig(**(policy_loss or {})),
        global_batch_info=batch_info or {},
        **fields,
    )


def run_verl(loss, b, weights, agg, **parameters):
    function = verl.get_policy_loss_fn(loss)
    config = actor(agg, **parameters)
    return function(
        old_log_prob=b.old_logp,
        log_prob=b.logp,
        advantages=b.advantages,
        response_mask=b.mask,
        loss_agg_mode=agg,
        config=config,
        rollout_is_weights=b.weights if weights else None,
    )


def selected_by_clip_cov(loss, batch, dtype, seed, **arguments):
    """The zeroed tokens: a kept token's loss depends on its advantage even where the gradient of logp is zero."""
    b = tensors(batch, dtype)
    b.advantages.requires_grad_(True)
    torch.manual_seed(seed)
    value, _ = run_verl(loss, b, False, **arguments)
    (gradient,) = torch.autograd.grad(value, b.advantages)
    return torch.nonzero((gradient == 0) & (b.mask > 0))


def selected_by_kl_cov(loss, batch, dtype, seed, **arguments):
    """The penalized tokens, overheard from torch.topk: one whose log-ratio is 0 does not show in the gradient."""
    b, heard, topk = tensors(batch, dtype), [], torch.topk

    def listening(*args, **kwargs):
        heard.append(topk(*args, **kwargs))
        return heard[-1]

    torch.topk = listening
    try:
        run_verl(loss, b, False, **arguments)
    finally:
        torch.topk = topk
    (found,) = heard
    return torch.nonzero(b.mask > 0)[found.indices.sort().values]


def policy(loss, batch, dtype="f64", agg="token-mean", weights=False, seed=None, **parameters):
    b = tensors(batch, dtype)
    if seed is not None:
        torch.manual_seed(seed)
    value, metrics = run_verl(loss, b, weights, agg=agg, **parameters)
    (gradient,) = torch.autograd.grad(value, b.logp)
    outputs = {"loss": value, "grad_logp": gradient, "metrics": {k.removeprefix("actor/"): v for k, v in metrics.items()}}
    if loss in ("clip_cov", "kl_cov"):
        outputs["selected"] = (selected_by_clip_cov if loss == "clip_cov" else selected_by_kl_cov)(
            loss, batch, dtype, seed, agg=agg, **parameters
        )
    if loss == "bypass_mode":
        outputs["metrics"] = {"ppo_kl": metrics["actor/ppo_kl"]}
    parameters = {"loss_agg_mode": agg, "rollout_is_weights": weights} | parameters | ({"torch_seed": seed} if seed is not None else {})
    losses.add(peer=VERL, function=loss, kind="policy_loss", batch=batch, dtype=dtype, parameters=parameters, outputs=outputs)


CLIP = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28}
EVERYWHERE = [("ragged", "f64"), ("ragged", "f32"), ("tokens", "f64"), ("edge", "f64"), ("extreme", "f64")]
AGGREGATIONS = ["token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-sum-norm", "seq-mean-token-mean"]


def verl_policy_losses():
    for batch, dtype in EVERYWHERE:
        policy("vanilla", batch, dtype, **CLIP, clip_ratio_c=3.0)
        policy("vanilla", batch, dtype, **CLIP, clip_ratio_c=1.25)
        policy("dppo_tv", batch, dtype, clip_ratio_low=0.05, clip_ratio_high=0.08, clip_ratio_c=1.5)
        policy("dppo_kl", batch, dtype, clip_ratio_low=0.01, clip_ratio_high=0.02, clip_ratio_c=20.0)
        policy("gspo", batch, dtype, agg="seq-mean-token-mean", clip_ratio_low=0.03, clip_ratio_high=0.04)
        policy("sapo", batch, dtype, agg="seq-mean-token-mean", tau_pos=1.0, tau_neg=1.05)
        policy("gpg", batch, dtype)
        policy("clip_cov", batch, dtype, **CLIP, policy_loss={"clip_cov_ratio": 0.1, "clip_cov_lb": 0.05, "clip_cov_ub": 0.6}, seed=7)
        policy("kl_cov", batch, dtype, policy_loss={"kl_cov_ratio": 0.1, "ppo_kl_coef": 0.3})
        policy("geo_mean", batch, dtype, clip_ratio_low=0.4, clip_ratio_high=0.4)
        policy("dro", batch, dtype, policy_loss={"dro_beta": 0.5})
        policy("cispo", batch, dtype, clip_ratio_low=0.9, clip_ratio_high=0.28)
    for loss in ["vanilla", "dppo_tv", "dppo_kl", "gspo", "sapo", "gpg", "geo_mean", "dro", "cispo"]:
        extra = {"policy_loss": {"dro_beta": 0.5}} if loss == "dro" else CLIP
        policy(loss, "ragged", weights=True, agg="token-mean", **extra)
    for agg in AGGREGATIONS[1:]:
        policy("vanilla", "ragged", agg=agg, **CLIP)
        policy("vanilla", "edge", agg=agg, **CLIP)
        policy("gspo", "ragged", agg=agg, **CLIP)
        policy("sapo", "ragged", agg=agg, tau_pos=1.0, tau_neg=1.5)  # the mode is ignored
        policy("geo_mean", "edge", agg=agg, **CLIP)  # the mode is ignored
    policy("vanilla", "ragged", batch_info={"dp_size": 2, "batch_num_tokens": 100}, **CLIP)
    policy("vanilla", "ragged", agg="seq-mean-token-mean", batch_info={"dp_size": 2, "global_batch_size": 24}, **CLIP)
    policy("vanilla", "ragged", clip_ratio=0.5)  # low and high keep their own defaults, 0.2
    policy("vanilla", "ragged", clip_ratio=0.1, clip_ratio_low=None, clip_ratio_high=None)
    policy("gspo", "ragged", agg="seq-mean-token-mean", clip_ratio_low=0.0003, clip_ratio_high=0.0004)
    # Every candidate taken; none in the band; a few of many (three draws); the mode's own defaults.
    policy("clip_cov", "tokens", **CLIP, policy_loss={"clip_cov_ratio": 1.0, "clip_cov_lb": 0.2, "clip_cov_ub": 5.0}, seed=1)
    policy("clip_cov", "tokens", **CLIP, policy_loss={"clip_cov_ratio": 0.5, "clip_cov_lb": 50.0, "clip_cov_ub": 60.0}, seed=1)
    for seed in (11, 12, 13):
        policy("clip_cov", "tokens", **CLIP, policy_loss={"clip_cov_ratio": 0.06, "clip_cov_lb": -0.5, "clip_cov_ub": 5.0}, seed=seed)
    policy("clip_cov", "tokens", **CLIP, policy_loss={}, seed=2)
    policy("kl_cov", "tokens", policy_loss={})
    policy("kl_cov", "tokens", policy_loss={"kl_cov_ratio": 0.5, "ppo_kl_coef": 1.0})
    policy("kl_cov", "tokens", policy_loss={"kl_cov_ratio": 1.0, "ppo_kl_coef": 0.1})


def verl_aggregation():
    for batch in ("ragged", "edge"):
        for dtype in ("f64", "f32"):
            for mode in AGGREGATIONS:
                variants = [{}]
                if mode == "seq-mean-token-sum-norm":
                    variants.append({"loss_scale_factor": 100})
                if mode.startswith("token"):
                    variants.append({"dp_size": 2, "batch_num_tokens": 90})
                else:
                    variants.append({"dp_size": 2, "global_batch_size": 30})
                for parameters in variants if dtype == "f64" else variants[:1]:
                    b = tensors(batch, dtype)
                    value = verl.agg_loss(b.entropy, b.mask, mode, **parameters)
                    (gradient,) = torch.autograd.grad(value, b.entropy)
                    losses.add(
                        peer=VERL, function="agg_loss", kind="aggregation", batch=batch, dtype=dtype,
                        parameters={"loss_agg_mode": mode} | parameters, outputs={"loss": value, "grad_entropy": gradient},
                    )  # fmt: skip


def verl_kl():
    for batch, dtype in (("ragged", "f64"), ("ragged", "f32"), ("extreme", "f64")):
        for mode in ("kl", "k1", "abs", "mse", "k2", "low_var_kl", "k3", "k1+", "abs+", "k3+", "low_var_kl+"):
            b = tensors(batch, dtype)
            value = verl.kl_penalty(b.logp, b.ref_logp, mode)
            (gradient,) = torch.autograd.grad(value.sum(), b.logp)
            losses.add(
                peer=VERL, function="kl_penalty", kind="kl", batch=batch, dtype=dtype, parameters={"kl_penalty": mode},
                outputs={"kl": value, "grad_logp_of_sum": gradient},
            )  # fmt: skip


# ---- TRL's GRPO loss

DEFAULTS = {f.name: f.default for f in dataclasses.fields(trl.GRPOConfig) if f.default is not dataclasses.MISSING}


def accelerator():
    same = lambda value, *args, **kwargs: value  # noqa: E731
    return SimpleNamespace(
        device=torch.device("cpu"), num_processes=1, process_index=0, is_main_process=True, sync_gradients=True,
        gather=same, gather_for_metrics=same, reduce=same, pad_across_processes=same, autocast=contextlib.nullcontext,
    )  # fmt: skip


class Trainer(trl.GRPOTrainer):
    """The trainer's methods on an object that holds only what they read."""

    def __init__(self, **overrides):
        unknown = overrides.keys() - DEFAULTS.keys() - {"current_gradient_accumulation_steps"}
        assert not unknown, unknown
        args = SimpleNamespace(**(DEFAULTS | {"report_to": [], "steps_per_generation": 1, "gradient_accumulation_steps": 1} | overrides))
        self.args, self.accelerator, self.state = args, accelerator(), SimpleNamespace(global_step=0)
        self.model = SimpleNamespace(training=True)
        # As GRPOTrainer.__init__ sets them.
        for name in "beta loss_type importance_sampling_level top_entropy_quantile entropy_coef use_adaptive_entropy".split():
            setattr(self, name, getattr(args, name))
        for name in "off_policy_mask_threshold max_completion_length scale_rewards multi_objective_aggregation".split():
            setattr(self, name, getattr(args, name))
        self.epsilon_low = args.epsilon
        self.epsilon_high = args.epsilon_high if args.epsilon_high is not None else args.epsilon
        self._entropy_bonus_enabled = self.entropy_coef != 0.0 or self.use_adaptive_entropy
        self._last_world_entropy, self._entropy_window_stats = float("inf"), None
        self.aux_loss_enabled = self.use_vllm = self.vllm_importance_sampling_correction = False
        self.current_gradient_accumulation_steps = overrides.get("current_gradient_accumulation_steps", 1)
        self._metrics = {"train": defaultdict(list), "eval": defaultdict(list)}


def grpo_inputs(b, **extra):
    """One prompt token before each completion; token ids do not matter to a model that returns given numbers."""
    rows = b.mask.shape[0]
    completion = torch.ones_like(b.mask)
    return {
        "prompt_ids": torch.ones(rows, 1, dtype=torch.long), "prompt_mask": torch.ones(rows, 1, dtype=torch.long),
        "completion_ids": completion, "completion_mask": b.mask, "advantages": b.row_advantages,
        "old_per_token_logps": b.old_logp, "ref_per_token_logps": b.ref_logp, "num_items_in_batch": b.mask.sum(),
    } | extra  # fmt: skip


def model_of(b):
    """A model whose log-probs and entropies are the batch's; the first column is the prompt's last position."""
    return lambda **kwargs: SimpleNamespace(log_probs=b.logp, entropy=b.entropy)


KEPT = ("policy_loss", "kl", "entropy", "entropy_coef", "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean", "cispo_clip_ratio")


def grpo(batch, dtype="f64", is_ratio=False, num_items=None, **parameters):
    with default_dtype(dtype):
        b = tensors(batch, dtype)
        trainer = Trainer(**parameters)
        extra = {}
        if is_ratio:
            trainer.use_vllm = trainer.vllm_importance_sampling_correction = True
            extra["importance_sampling_ratio"] = b.weights
        if num_items is not None:
            extra["num_items_in_batch"] = torch.tensor(num_items)
        value = trainer._compute_loss(model_of(b), grpo_inputs(b, **extra))
        d_logp, d_entropy = torch.autograd.grad(value, (b.logp, b.entropy), allow_unused=True)
        outputs = {"loss": value, "grad_logp": d_logp}
        if d_entropy is not None:
            outputs["grad_entropy"] = d_entropy
        if trainer.top_entropy_quantile < 1.0:
            outputs["entropy_mask"] = trainer.get_high_entropy_mask(b.entropy, b.mask, 1 - trainer.top_entropy_quantile).long()
        outputs["metrics"] = {k: trainer._metrics["train"][k][-1] for k in KEPT if trainer._metrics["train"][k]}
        shown = parameters | {"importance_sampling_ratio": is_ratio, "num_items_in_batch": num_items if num_items is not None else b.mask.sum()}
        losses.add(peer=TRL, function="grpo_loss", kind="grpo_loss", batch=batch, dtype=dtype, parameters=shown, outputs=outputs)


def trl_losses():
    clip = {"epsilon": 0.2, "epsilon_high": 0.28}
    for loss_type in ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"):
        own = {"loss_type": loss_type, "beta": 0.0, "importance_sampling_level": "token", "max_completion_length": 16}
        own |= {"epsilon": 0.2, "epsilon_high": 1.3} if loss_type == "cispo" else {} if loss_type in ("sapo", "vespo") else clip
        for batch, dtype in (("ragged", "f64"), ("ragged", "f32"), ("edge", "f64"), ("extreme", "f64")):
            grpo(batch, dtype, **own)
        for batch in ("ragged", "edge"):
            grpo(batch, **(own | {"importance_sampling_level": "sequence"}))
        grpo("ragged", **(own | {"beta": 0.04}))
        grpo("ragged", **(own | {"beta": 0.04, "importance_sampling_level": "sequence", "use_bias_correction_kl": True}))
        grpo("ragged", **(own | {"current_gradient_accumulation_steps": 4, "steps_per_generation": 8, "beta": 0.04}), num_items=100)
        grpo("ragged", **(own | {"top_entropy_quantile": 0.3, "entropy_coef": 0.01, "beta": 0.04}))
    own = {"loss_type": "grpo", "beta": 0.0, "importance_sampling_level": "token"} | clip
    grpo("ragged", **(own | {"delta": 1.5}))
    grpo("edge", **(own | {"delta": 1.1}))
    grpo("ragged", is_ratio=True, **own)
    grpo("ragged", is_ratio=True, **(own | {"beta": 0.1}))
    grpo("ragged", is_ratio=True, **(own | {"loss_type": "vespo"}))
    grpo("ragged", **(own | {"off_policy_mask_threshold": 0.05}))
    grpo("ragged", **(own | {"beta": 0.1, "use_bias_correction_kl": True}))
    grpo("extreme", **(own | {"beta": 0.001, "importance_sampling_level": "sequence"}))
    grpo("ragged", **(own | {"loss_type": "cispo", "epsilon_high": None}))  # the default: weights cut at 0.2
    grpo("ragged", **(own | {"loss_type": "sapo", "sapo_temperature_pos": 0.8, "sapo_temperature_neg": 2.0}))
    for quantile in (0.0, 0.2, 0.5, 0.8):
        grpo("ragged", **(own | {"top_entropy_quantile": quantile}))
    grpo("edge", **(own | {"top_entropy_quantile": 0.5, "entropy_coef": 0.05}))
    for coefficient in (0.01, -0.01):
        grpo("ragged", **(own | {"entropy_coef": coefficient}))
    grpo("ragged", **(own | {"entropy_coef": 0.01, "current_gradient_accumulation_steps": 2}))


def trl_adaptive_entropy():
    """One trainer over a run of micro-batches: the entropies are the batch's times a scale, and the window may span two of them."""
    runs = [
        ({"entropy_coef": 0.0, "entropy_target": 1.2, "entropy_coef_delta": 0.005}, [(1.0, True), (0.5, True), (0.5, True), (0.6, True), (1.5, True), (1.5, True), (1.5, True)]),
        ({"entropy_coef": 0.98, "entropy_target": 2.0, "entropy_coef_delta": 0.015}, [(1.0, True), (1.0, True), (1.0, True), (3.0, True)]),
        ({"entropy_coef": 0.01, "entropy_target": 1.0, "entropy_coef_delta": 0.004, "entropy_coef_min": 0.002, "entropy_coef_max": 0.015}, [(0.5, False), (0.4, True), (0.9, False), (0.3, True), (2.0, False), (0.1, True), (2.0, True), (2.0, True), (2.0, True), (2.0, True)]),
        ({"entropy_coef": 0.01, "entropy_target": 1.9, "entropy_coef_delta": 0.004, "top_entropy_quantile": 0.5}, [(1.0, True), (0.5, True), (0.5, True), (1.0, True)]),
    ]  # fmt: skip
    for settings, steps in runs:
        with default_dtype("f64"):
            accumulation = 2 if any(not sync for _, sync in steps) else 1
            parameters = {"loss_type": "grpo", "beta": 0.0, "epsilon": 0.2, "use_adaptive_entropy": True} | settings
            trainer = Trainer(**parameters, current_gradient_accumulation_steps=accumulation)
            record = []
            for scale, sync in steps:
                b = tensors("ragged", "f64")
                b.entropy = (b.entropy.detach() * scale).requires_grad_(True)
                trainer.accelerator.sync_gradients = sync
                value = trainer._compute_loss(model_of(b), grpo_inputs(b))
                (gradient,) = torch.autograd.grad(value, b.entropy)
                record.append(
                    {"entropy_scale": scale, "sync_gradients": sync, "loss": value, "grad_entropy_sum": gradient.sum()}
                    | {"entropy_coef_after": trainer.entropy_coef}
                    | ({"window_entropy": trainer._last_world_entropy} if sync else {})
                )
            parameters |= {k: DEFAULTS[k] for k in ("entropy_coef_min", "entropy_coef_max") if k not in parameters}
            parameters |= {"gradient_accumulation_steps": accumulation}
            losses.add(peer=TRL, function="adaptive_entropy", kind="adaptive_entropy", batch="ragged", dtype="f64", parameters=parameters, outputs={"steps": record})


# ---- advantages

advantages = Writer("advantages.jsonl")
GROUPS = {
    "three groups of four": ([0] * 4 + [1] * 4 + [2] * 4, [1.0, 0.0, 0.25, 0.5, 1.0, 1.0, 0.0, 0.0, -0.3, 0.7, 0.1, 0.9], [7, 5, 3, 1, 6, 7, 2, 4, 7, 1, 5, 6]),
    "interleaved": ([0, 1, 2] * 4, [0.31, -1.2, 2.5, 0.07, 0.4, 2.5, -0.9, 0.41, 1.5, 1.1, 0.0, 0.5], [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5]),
    "equal rewards": ([0] * 4 + [1] * 4, [0.1] * 4 + [1.0, 0.0, 1.0, 0.0], [3, 3, 2, 1, 4, 2, 2, 1]),
    "a group of one": ([0, 0, 0, 1, 2, 2], [1.0, 0.0, 0.5, 0.75, 0.2, 0.9], [2, 3, 1, 3, 2, 2]),
    "all zero": ([0, 0, 1, 1], [0.0] * 4, [2, 1, 3, 3]),
    "one of many": ([0] * 8, [0.0] * 7 + [1.0], [2, 2, 2, 2, 2, 2, 2, 2]),
    "nearly equal": ([0] * 4, [0.5, 0.5, 0.5, 0.500001], [1, 1, 2, 2]),
}  # fmt: skip


def verl_advantages():
    functions = {
        "grpo": ("compute_grpo_outcome_advantage", [{"norm_adv_by_std_in_grpo": True}, {"norm_adv_by_std_in_grpo": False}]),
        "rloo": ("compute_rloo_outcome_advantage", [{}]),
        "rloo_vectorized": ("compute_rloo_vectorized_outcome_advantage", [{}]),
        "reinforce_plus_plus": ("compute_reinforce_plus_plus_outcome_advantage", [{"gamma": 1.0}, {"gamma": 0.9}]),
        "reinforce_plus_plus_baseline": ("compute_reinforce_plus_plus_baseline_outcome_advantage", [{}]),
        "opo": ("compute_opo_outcome_advantage", [{}]),
        "gpg": ("compute_gpg_outcome_advantage", [{}]),
        "grpo_passk": ("compute_grpo_passk_outcome_advantage", [{"norm_adv_by_std_in_grpo": True}, {"norm_adv_by_std_in_grpo": False}]),
    }
    for name, (index, rewards, lengths) in GROUPS.items():
        for estimator, (function, variants) in functions.items():
            if estimator == "grpo_passk" and min(index.count(g) for g in index) < 2:
                continue  # the peer raises
            for parameters in variants:
                for dtype in ("f64", "f32"):
                    with default_dtype(dtype):
                        width = max(lengths)
                        mask = (torch.arange(width) < torch.tensor(lengths)[:, None]).long()
                        token_rewards = torch.zeros(len(rewards), width, dtype=DTYPES[dtype])
                        for row, (reward, length) in enumerate(zip(rewards, lengths)):
                            token_rewards[row, length - 1] = reward
                        arguments = {"token_level_rewards": token_rewards, "response_mask": mask}
                        if estimator == "reinforce_plus_plus":
                            arguments["config"] = SimpleNamespace(**parameters)
                        else:
                            arguments["index"] = np.array(index)
                        if estimator == "grpo":
                            arguments |= parameters
                        if estimator == "grpo_passk":
                            arguments["config"] = parameters
                        result, _ = getattr(verl, function)(**arguments)
                        outputs = {"advantages": result} if estimator == "reinforce_plus_plus" else {"row_advantages": result[:, 0]}
                        assert estimator == "reinforce_plus_plus" or torch.equal(result, result[:, :1] * mask)
                        advantages.add(
                            peer=VERL, function=function, name=name, dtype=dtype, parameters=parameters,
                            inputs={"index": index, "rewards": rewards, "lengths": lengths}, outputs=outputs,
                        )  # fmt: skip


def verl_whitening():
    for shift_mean in (True, False):
        for dtype in ("f64", "f32"):
            with default_dtype(dtype):
                b = tensors("tokens", dtype)
                result = verl_F.masked_whiten(b.advantages, b.mask, shift_mean) * b.mask
                inputs = {k: BATCHES["tokens"][k] for k in ("advantages", "mask")}
                advantages.add(
                    peer=VERL, function="masked_whiten", name="tokens", dtype=dtype, parameters={"shift_mean": shift_mean},
                    inputs=inputs, outputs={"advantages_times_mask": result},
                )  # fmt: skip


def trl_advantages():
    """GRPOTrainer's own scoring step, with the generation and the reward functions given."""
    trl.gather_object = lambda value: value
    trl.disable_gradient_checkpointing = lambda *args, **kwargs: contextlib.nullcontext()
    nan = float("nan")
    table = {
        "three groups of four": (4, [[r] for r in GROUPS["three groups of four"][1]]),
        "equal rewards": (4, [[r] for r in GROUPS["equal rewards"][1]]),
        "one of many": (8, [[r] for r in GROUPS["one of many"][1]]),
        "nearly equal": (4, [[r] for r in GROUPS["nearly equal"][1]]),
        "all zero": (2, [[0.0]] * 4),
        "a missing score": (4, [[1.0], [nan], [0.5], [0.0], [0.2], [0.4], [nan], [0.9]]),
        "two rewards": (4, [[1.0, 0.2], [0.0, 0.4], [1.0, -0.5], [0.0, 0.0], [1.0, 3.0], [1.0, 1.0], [1.0, -2.0], [1.0, 0.5]]),
        "two rewards, one missing": (4, [[1.0, nan], [0.0, 0.4], [nan, nan], [0.0, 0.0], [1.0, 3.0], [nan, 1.0], [1.0, -2.0], [1.0, 0.5]]),
    }  # fmt: skip
    for name, (generations, rewards) in table.items():
        for scale in ("group", "batch", "none"):
            for aggregation in ("sum_then_normalize", "normalize_then_sum"):
                if aggregation == "normalize_then_sum" and (scale != "group" or len(rewards[0]) == 1):
                    continue  # scale_rewards is not read there
                for dtype in ("f64", "f32"):
                    with default_dtype(dtype):
                        trainer = Trainer(scale_rewards=scale, multi_objective_aggregation=aggregation)
                        count = len(rewards[0])
                        weights = [1.0, 0.5][:count]
                        trainer.args.per_device_train_batch_size, trainer.args.gradient_checkpointing_kwargs = len(rewards), None
                        trainer.environment_factories = trainer.tools = trainer.environments = None
                        trainer.mask_truncated_completions = trainer.log_multimodal = False
                        trainer.pad_to_multiple_of, trainer._tokenizer = None, SimpleNamespace(pad_token_id=0)
                        trainer.num_generations, trainer.num_iterations = generations, 1
                        trainer.ref_model, trainer.beta = None, 0.0
                        trainer.reward_weights = torch.tensor(weights, dtype=DTYPES[dtype])
                        trainer.reward_funcs = trainer.reward_func_names = [f"r{i}" for i in range(count)]
                        trainer._pending_extra_logs, trainer._pending_metrics = {}, {}
                        trainer._logs = {k: deque() for k in ("prompt", "completion", "advantages")}
                        trainer._logs |= {"rewards": defaultdict(deque), "extra": defaultdict(deque)}
                        ids = [[1]] * len(rewards)
                        trainer._generate = lambda prompts: (ids, ids, None, ["x"] * len(prompts), None, {}, None, None)
                        scores = torch.tensor(rewards, dtype=DTYPES[dtype])
                        trainer._calculate_rewards = lambda *args: scores
                        result = trainer._generate_and_score_completions([{"prompt": "p"} for _ in rewards])["advantages"]
                        shown = [[None if math.isnan(r) else r for r in row] for row in rewards]
                        advantages.add(
                            peer=TRL, function="grpo_advantages", name=name, dtype=dtype,
                            parameters={"scale_rewards": scale, "multi_objective_aggregation": aggregation, "num_generations": generations, "reward_weights": weights},
                            inputs={"rewards": shown}, outputs={"row_advantages": result},
                        )  # fmt: skip


verl_policy_losses()
verl_aggregation()
verl_kl()
trl_losses()
trl_adaptive_entropy()
losses.write()
verl_advantages()
verl_whitening()
trl_advantages()
advantages.write()
