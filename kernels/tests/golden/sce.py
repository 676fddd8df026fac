"""Writes sce.jsonl: SCE merges of small tensors by mergekit 0.1.5's own code, and by the authors' original formula.

Usage: python sce.py (rerunning gives the same bytes), in the environment losses.py describes.

The original (the FuseChat branch of FuseAI, a fork of mergekit) is not on PyPI, so its formula is restated here in numpy and
its lines carry the peer "FuseAI, restated": they are this file's reading of that code, not the code's own output.
"""

import importlib
import json

import peers

peers.start(
    "transformers immutables safetensors tqdm yaml huggingface_hub click accelerate".split(),
    {"torch": "2.13.0", "numpy": "2.3.5", "mergekit": "0.1.5"},
)

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)

methods = importlib.import_module("mergekit.merge_methods")
sce = importlib.import_module("mergekit.merge_methods.sce")
DTYPES = {"f64": torch.float64, "f32": torch.float32}


def by_mergekit(base, models, topk, int8_mask):
    merged = methods.merge_tensors(
        [base, *models], sce.sce_merge, parameters={"select_topk": topk, "int8_mask": int8_mask}, base_index=0
    )
    deltas = torch.stack([m - base for m in models])
    select = sce.sce_mask(deltas, topk, base.dtype)
    kept = deltas * select
    erase = sce.sign_consensus_mask(kept, method="sum", mask_dtype=base.dtype)
    return {"merged": merged, "select": select.long(), "weights": sce.sce_weight(kept), "erase": erase.long()}


def by_authors(base, models, topk):
    """Select and weigh as mergekit does, but the selection serves the weights alone: what is merged is the whole deltas."""
    deltas = np.stack([m - base for m in models])
    select = np.ones(base.shape, dtype=base.dtype)
    if topk < 1:
        variance = deltas.var(axis=0)
        count = int(topk * np.count_nonzero(variance))
        select = np.zeros(base.shape, dtype=base.dtype)
        select.reshape(-1)[np.argsort(-variance.reshape(-1), kind="stable")[:count]] = 1
    squares = np.array([float(((d * select) ** 2).sum()) / d.size for d in deltas])
    total = float(squares.sum())
    weights = squares / total if total != 0 else np.full(len(models), 1 / len(models))
    majority = np.where(deltas.sum(axis=0) >= 0, 1, -1)
    erase = np.sign(deltas) == majority
    weighted = weights.reshape((-1,) + (1,) * base.ndim) * erase
    divisor = weighted.sum(axis=0)
    divisor[divisor == 0] = 1
    return {"merged": base + (deltas * weighted).sum(axis=0) / divisor, "select": select.astype(int), "weights": weights, "erase": erase.astype(int)}


rng = np.random.default_rng(20261122)


def models_of(base, scale, count):
    return [np.round(base + rng.normal(0.0, scale, base.shape), 6) + 0.0 for _ in range(count)]


def cases():
    vector = np.round(rng.normal(0.0, 1.0, 8), 4)
    matrix = np.round(rng.normal(0.0, 1.0, (4, 6)), 4)
    three = np.round(rng.normal(0.0, 1.0, (2, 3, 2)), 4)
    for shape, base in (("vector", vector), ("matrix", matrix), ("cube", three)):
        models = models_of(base, 0.3, 3)
        for topk in (1.0, 0.75, 0.5, 0.3, 0.1, 0.0) if shape == "vector" else (1.0, 0.5, 0.3, 0.0):
            yield f"{shape}, three models", base, models, topk
    yield "two models", matrix, models_of(matrix, 0.5, 2), 0.5
    one = models_of(matrix, 0.5, 1)
    yield "one model: no variance, so nothing is selected", matrix, one, 0.5
    yield "one model, no selection", matrix, one, 1.0
    same = models_of(vector, 0.5, 1) * 3
    yield "equal models: no variance", vector, same, 0.5
    yield "equal models, no selection", vector, same, 1.0
    yield "no model moved", vector, [vector, vector], 1.0
    # As far apart as models tuned with a small rate are: mean squares sum to under 1e-6.
    small = models_of(matrix, 2e-4, 3)
    yield "small steps", matrix, small, 1.0
    yield "small steps", matrix, small, 0.5
    apart = [np.round(matrix + rng.normal(0.0, 1.0, matrix.shape) * s, 6) for s in (1e-4, 3e-4, 9e-4)]
    yield "small steps of unlike size", matrix, apart, 1.0
    large = [np.round(matrix + rng.normal(0.0, 1.0, matrix.shape) * s, 6) for s in (0.01, 0.1, 1.0)]
    yield "steps of unlike size", matrix, large, 1.0
    yield "steps of unlike size", matrix, large, 0.5
    zero = np.zeros(6)
    d = [np.array([0.5, 0.5, -0.5, 0.0, 0.25, 0.0]), np.array([-0.5, 0.25, -0.25, 0.5, 0.0, -0.5]), np.array([0.0, -0.5, 1.0, -0.25, -0.25, 0.0])]
    yield "signs: sums of zero, deltas of zero", zero, d, 1.0
    yield "signs: sums of zero, deltas of zero", zero, d, 0.4
    # One model holds nearly all the weight and another's minority sign wins alone: the divisor's floor.
    yield "a divisor under 1e-6", np.zeros(3), [np.array([-1.0, 10000.0, 0.0]), np.array([2.0, 0.5, 1.0]), np.array([-0.5, 0.0, 0.001])], 1.0


lines = []
for name, base, models, topk in cases():
    inputs = {"base": base, "models": models}
    for dtype in ("f64", "f32"):
        b, m = torch.tensor(base, dtype=DTYPES[dtype]), [torch.tensor(x, dtype=DTYPES[dtype]) for x in models]
        if dtype == "f32" and topk not in (1.0, 0.5):
            continue
        outputs = by_mergekit(b, m, topk, False)
        if dtype == "f64":
            assert torch.equal(by_mergekit(b, m, topk, True)["merged"], outputs["merged"])  # int8_mask changes nothing here
        lines.append({"peer": "mergekit 0.1.5", "function": "sce", "name": name, "dtype": dtype, "parameters": {"select_topk": topk}, "inputs": inputs, "outputs": outputs})
        if dtype == "f64":
            own = by_authors(base, models, topk)
            lines.append({"peer": "FuseAI, restated", "function": "sce", "name": name, "dtype": dtype, "parameters": {"select_topk": topk}, "inputs": inputs, "outputs": own})
(peers.HERE / "sce.jsonl").write_text("".join(json.dumps(peers.plain(x), separators=(",", ":"), allow_nan=False) + "\n" for x in lines))
