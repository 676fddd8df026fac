"""Writes tasks.jsonl: linear, task arithmetic, TIES and DARE merges of small tensors by mergekit 0.1.5's own code.

Usage: python tasks.py (rerunning gives the same bytes), in the environment losses.py describes.

mergekit draws what DARE drops from torch's global generator. Here `torch.bernoulli` is replaced by the draws of an address of
ours (chacha.py, written apart from the crate), so that both drop the same places; all that follows is mergekit's.
"""

import contextlib
import importlib
import io
import json

import peers

with contextlib.redirect_stdout(io.StringIO()):
    import chacha

peers.start(
    "transformers immutables safetensors tqdm yaml huggingface_hub click accelerate".split(),
    {"torch": "2.13.0", "numpy": "2.3.5", "mergekit": "0.1.5"},
)

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)

methods = importlib.import_module("mergekit.merge_methods")
DTYPES = {"f64": torch.float64, "f32": torch.float32}
SEED, PURPOSE_TEST = 5, 12

rng = np.random.default_rng(20261123)


def drawn(density, model, shape):
    """What DARE keeps of a model: the draws of the address with the model as rollout, one a place."""
    source = chacha.draws(SEED, PURPOSE_TEST, 0, 0, model, 0)
    return np.array([float(chacha.uniform(source) < density) for _ in range(int(np.prod(shape)))]).reshape(shape)


def by_mergekit(function, base, models, parameters):
    if function == "linear":
        return {"merged": methods.merge_tensors(models, "linear", parameters=parameters)}
    ids = ["base", *range(len(models))]
    parameters = {**parameters, "weight": dict(enumerate(parameters["weight"]))}
    if not function.startswith("dare"):
        return {"merged": methods.merge_tensors([base, *models], function, parameters=parameters, ids=ids, base_index=0)}
    masks = [torch.tensor(drawn(parameters["density"], i, base.shape), dtype=torch.float32) for i in range(len(models))]
    waiting, bernoulli = list(masks), torch.bernoulli
    torch.bernoulli = lambda _: waiting.pop(0)
    try:
        merged = methods.merge_tensors([base, *models], function, parameters=parameters, ids=ids, base_index=0)
    finally:
        torch.bernoulli = bernoulli
    assert not waiting, "a draw a model"
    kept = [((m - base).abs().sum(), ((m - base) * mask).abs().sum()) for m, mask in zip(models, masks)]
    factors = [float(all_ / part) if parameters["rescale"] and min(all_, part) >= 1e-7 else 1.0 for all_, part in kept]
    return {"merged": merged, "factors": factors}


def models_of(base, count):
    return [np.round(base + rng.normal(0.0, 0.3, base.shape), 6) + 0.0 for _ in range(count)]


def cases():
    vector = np.round(rng.normal(0.0, 1.0, 8), 4)
    matrix = np.round(rng.normal(0.0, 1.0, (4, 6)), 4)
    three = [("vector", vector, models_of(vector, 3), [1.0, 0.5, 2.0]), ("matrix", matrix, models_of(matrix, 3), [0.7, -0.4, 1.0])]
    inputs = three + [
        ("equal weights", matrix, models_of(matrix, 2), [1.0, 1.0]),
        ("one model", vector, models_of(vector, 1), [0.6]),
        ("no model moved", vector, [vector, vector], [1.0, 1.0]),
    ]
    for name, base, models, weight in inputs:
        yield "linear", name, base, models, {"weight": weight}
        yield "task_arithmetic", name, base, models, {"weight": weight}
        yield "task_arithmetic", name, base, models, {"weight": weight, "lambda": 0.8, "normalize": True}
        for density in (1.0, 0.5, 0.2, 0.01, 0.0):
            yield "ties", name, base, models, {"weight": weight, "density": density}
        yield "ties", name, base, models, {"weight": weight, "density": 0.5, "lambda": 1.5, "normalize": False}
        for function in ("dare_linear", "dare_ties"):
            for density in (0.5, 0.8):
                yield function, name, base, models, {"weight": weight, "density": density, "rescale": False, "normalize": function == "dare_ties"}
                yield function, name, base, models, {"weight": weight, "density": density, "rescale": True}
    # The weights sum to 0: nothing is divided.
    yield "task_arithmetic", "weights that cancel", matrix, models_of(matrix, 2), {"weight": [1.0, -1.0], "normalize": True}
    zero, d = np.zeros(6), [np.array([0.5, 0.5, -0.5, 0.0, 0.25, 0.0]), np.array([-0.5, 0.25, -0.25, 0.5, 0.0, -0.5])]
    yield "ties", "signs: sums of zero, deltas of zero", zero, d, {"weight": [1.0, 1.0], "density": 1.0}


lines = []
for function, name, base, models, parameters in cases():
    # DARE works in f32 whatever the tensors are.
    for dtype in ("f32",) if function.startswith("dare") else ("f64", "f32"):
        b, m = torch.tensor(base, dtype=DTYPES[dtype]), [torch.tensor(x, dtype=DTYPES[dtype]) for x in models]
        inputs = {"base": base, "models": models}
        outputs = by_mergekit(function, b, m, parameters)
        lines.append({"peer": "mergekit 0.1.5", "function": function, "name": name, "dtype": dtype, "parameters": parameters, "inputs": inputs, "outputs": outputs})
(peers.HERE / "tasks.jsonl").write_text("".join(json.dumps(peers.plain(x), separators=(",", ":"), allow_nan=False) + "\n" for x in lines))
