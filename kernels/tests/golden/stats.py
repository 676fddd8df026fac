"""Writes stats.jsonl: statistics by scipy, rliable, statsmodels and inspect_ai's own functions.

Usage: python stats.py (rerunning gives the same bytes), in an environment made by
    pip install numpy==1.26.4 scipy==1.14.1 'pandas<3' rliable==1.2.0 arch==7.2.0 statsmodels==0.15.0
    pip install --no-deps inspect_ai==0.3.285
inspect_ai's scorer/_metrics/std.py is loaded by itself: importing the package needs dozens of others, and only the class of a
score is used here. What no package offers is written out below with its source, as peer "formula".
"""

import importlib.metadata
import importlib.util
import itertools
import json
import math
import pathlib
import sys
import types

HERE = pathlib.Path(__file__).resolve().parent
# Scripts in this folder are called like modules of the standard library.
sys.path[:] = [p for p in sys.path if pathlib.Path(p or ".").resolve() != HERE]

import numpy as np  # noqa: E402
import scipy.stats  # noqa: E402
from rliable import library, metrics  # noqa: E402
from statsmodels.stats.contingency_tables import mcnemar  # noqa: E402
from statsmodels.stats.power import TTestPower  # noqa: E402

PINNED = {
    "numpy": "1.26.4",
    "scipy": "1.14.1",
    "rliable": "1.2.0",
    "arch": "7.2.0",
    "statsmodels": "0.15.0",
    "inspect_ai": "0.3.285",
}
for package, version in PINNED.items():
    assert importlib.metadata.version(package) == version, f"{package} must be {version}"

SCIPY, RLIABLE, STATSMODELS, INSPECT = "scipy 1.14.1", "rliable 1.2.0", "statsmodels 0.15.0", "inspect_ai 0.3.285"
FORMULA = "formula"
rng = np.random.default_rng(20261122)
lines = []


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        assert math.isfinite(value), value
        return float(value) + 0.0
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def fact(peer, function, inputs, outputs, **parameters):
    line = {"peer": peer, "function": function, "parameters": parameters, "inputs": inputs, "outputs": outputs}
    lines.append(json.dumps(plain(line), separators=(",", ":")))


def normals(*shape, decimals=4):
    return np.round(rng.normal(size=shape), decimals)


def inspect_std():
    """inspect_ai.scorer._metrics.std with nothing of its package but itself."""
    path = pathlib.Path(importlib.util.find_spec("numpy").origin).parents[1] / "inspect_ai/scorer/_metrics/std.py"
    names = ["inspect_ai", "inspect_ai.scorer", "inspect_ai.scorer._metrics"]
    for name in names:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = []
    base = types.ModuleType("inspect_ai.scorer._metric")
    for name in ("Metric", "SampleScore", "Value", "ValueToFloat"):
        setattr(base, name, object)
    base.metric = lambda f: f
    base.value_to_float = lambda: float
    base.__getattr__ = lambda name: object
    sys.modules[base.__name__] = base
    spec = importlib.util.spec_from_file_location("inspect_ai.scorer._metrics.std", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def normal_distribution():
    z = np.array([-37.0, -20.0, -8.5, -3.0, -2.5, -2.4999, -1.0, -0.001, 0.0, 0.3, 1.96, 2.5, 4.0, 8.0])
    fact(SCIPY, "norm.cdf", {"z": z}, {"p": scipy.stats.norm.cdf(z)})
    p = np.array([1e-300, 1e-20, 1e-5, 0.001, 0.025, 0.2, 0.4999, 0.5, 0.7, 0.975, 0.9999])
    fact(SCIPY, "norm.ppf", {"p": p}, {"z": scipy.stats.norm.ppf(p)})


def rank_correlations():
    for n, decimals in [(2, 4), (3, 4), (10, 4), (10, 0), (40, 0), (200, 1)]:
        x = normals(n, decimals=decimals)
        y = np.round(x + rng.normal(size=n), decimals)
        fact(SCIPY, "spearmanr", {"x": x, "y": y}, {"rho": scipy.stats.spearmanr(x, y).statistic})


def aggregates():
    for runs, tasks in [(1, 1), (3, 1), (5, 4), (4, 7), (10, 3), (7, 26)]:
        scores = normals(runs, tasks)
        outputs = {
            "mean": metrics.aggregate_mean(scores),
            "median": metrics.aggregate_median(scores),
            "iqm": metrics.aggregate_iqm(scores),
            "optimality_gap": metrics.aggregate_optimality_gap(scores, gamma=0.5),
        }
        fact(RLIABLE, "aggregate", {"scores": scores}, outputs, gamma=0.5)
        assert outputs["iqm"] == scipy.stats.trim_mean(scores, 0.25, axis=None)


def improvement():
    for (rx, ry, tasks), decimals in itertools.product([(1, 1, 1), (3, 3, 4), (5, 8, 3), (10, 2, 6)], [1, 4]):
        x, y = normals(rx, tasks, decimals=decimals), normals(ry, tasks, decimals=decimals)
        fact(RLIABLE, "probability_of_improvement", {"x": x, "y": y}, {"p": metrics.probability_of_improvement(x, y)})
    x = normals(4, 2)
    fact(RLIABLE, "probability_of_improvement", {"x": x, "y": x}, {"p": metrics.probability_of_improvement(x, x)})


def given(*samples, statistic, distribution):
    """scipy's interval from given resamples: none is drawn."""
    held = types.SimpleNamespace(bootstrap_distribution=distribution)
    how = dict(n_resamples=0, bootstrap_result=held, vectorized=False)
    both = {}
    for method in ("percentile", "bca"):
        interval = scipy.stats.bootstrap(samples, statistic, method=method, **how).confidence_interval
        both[method] = [interval.low, interval.high]
    return both


def bca():
    from scipy.stats._resampling import _bca_interval

    mean_of_all = lambda *columns, axis=-1: np.mean(np.concatenate(columns, axis=axis), axis=axis)  # noqa: E731
    iqm_of_all = lambda *columns, axis=-1: scipy.stats.trim_mean(np.concatenate(columns, axis=axis), 0.25, axis=axis)  # noqa: E731
    for (runs, tasks), (name, statistic) in itertools.product(
        [(5, 1), (12, 1), (6, 3), (9, 5)], [("mean", mean_of_all), ("iqm", iqm_of_all)]
    ):
        scores = np.round(np.exp(rng.normal(size=(runs, tasks))), 4)
        columns = list(scores.T)
        draws = [statistic(*[rng.choice(c, runs) for c in columns]) for _ in range(199)]
        draws = np.round(np.array(draws), 4)
        intervals = given(*columns, statistic=statistic, distribution=draws)
        jackknife = [
            [statistic(*[np.delete(c, i) if k == j else c for k, c in enumerate(columns)]) for i in range(runs)]
            for j in range(tasks)
        ]
        point = statistic(*columns)
        # The numbers scipy works out on the way, by its own private function where it can be called.
        outputs = dict(intervals)
        if tasks == 1:
            _, _, outputs["acceleration"] = _bca_interval(
                [columns[0]], lambda x, axis: statistic(x, axis=axis), -1, 0.025, draws, None
            )
        below = (np.mean(draws < point) + np.mean(draws <= point)) / 2
        outputs["z0"] = scipy.stats.norm.ppf(below)
        inputs = {"scores": scores, "resamples": draws, "point": point, "jackknife": jackknife}
        fact(SCIPY, "bootstrap", inputs, outputs, statistic=name)


def rliable_intervals():
    """By random resamples: to be met within the error of both."""
    for runs, tasks in [(10, 6)]:
        scores, other = np.round(np.exp(normals(runs, tasks) / 2), 4), np.round(np.exp(normals(runs, tasks) / 2 - 0.2), 4)
        for method in ("percentile", "bca"):
            np.random.seed(7)
            how = dict(method=method, reps=4_000)
            iqm = lambda x: np.array([metrics.aggregate_iqm(x)])  # noqa: E731
            _, interval = library.get_interval_estimates({"x": scores}, iqm, **how)
            fact(RLIABLE, "iqm_interval", {"scores": scores}, {"interval": interval["x"][:, 0]}, **how)
        np.random.seed(7)
        poi = lambda x, y: np.array([metrics.probability_of_improvement(x, y)])  # noqa: E731
        how = dict(method="percentile", reps=2_000)
        _, interval = library.get_interval_estimates({"xy": (scores, other)}, poi, **how)
        inputs = {"x": scores, "y": other}
        fact(RLIABLE, "improvement_interval", inputs, {"interval": interval["xy"][:, 0]}, **how)


def permutations():
    for n, decimals, shift in [(2, 4, 0.5), (5, 4, 0.3), (8, 1, 0.3), (10, 4, -0.6), (11, 1, 0.0)]:
        d = np.round(normals(n) + shift, decimals)
        p = {}
        for side in ("two-sided", "greater", "less"):
            test = scipy.stats.permutation_test(
                (d,), np.mean, permutation_type="samples", alternative=side, n_resamples=np.inf, vectorized=True
            )
            p[side] = test.pvalue
        fact(SCIPY, "permutation_test.samples", {"differences": d}, p)
    difference = lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis)  # noqa: E731
    for n, m, decimals, shift in [(2, 2, 4, 0), (3, 5, 4, 0.8), (6, 6, 1, 0.5), (7, 4, 4, -1.0), (2, 9, 1, 0.0)]:
        a, b = np.round(normals(n) + shift, decimals), normals(m, decimals=decimals)
        p = {}
        for side in ("two-sided", "greater", "less"):
            test = scipy.stats.permutation_test(
                (a, b), difference, permutation_type="independent", alternative=side, n_resamples=np.inf, vectorized=True
            )
            p[side] = test.pvalue
        fact(SCIPY, "permutation_test.independent", {"a": a, "b": b}, p)


def outcomes():
    for b, c in [(2, 2), (1, 0), (0, 5), (3, 3), (10, 2), (7, 19), (60, 41), (500, 421), (4, 300), (5200, 5000)]:
        outputs = {"exact": mcnemar([[9, b], [c, 4]], exact=True).pvalue}
        fact(STATSMODELS, "mcnemar", {"first_only": b, "second_only": c}, outputs)
        # Twice the one-sided mid-p, P(X < k) + P(X = k) / 2 (Fagerland, Lydersen and Laake 2013).
        k, n = min(b, c), b + c
        mid = min(1.0, 2 * scipy.stats.binom.cdf(k, n, 0.5) - scipy.stats.binom.pmf(k, n, 0.5))
        fact(FORMULA, "mcnemar.mid_p", {"first_only": b, "second_only": c}, {"mid_p": mid})


def clusters():
    std = inspect_std()

    def scores(values, names):
        score = lambda v, n: types.SimpleNamespace(  # noqa: E731
            score=types.SimpleNamespace(value=v), sample_metadata={"c": n}, sample_id=0
        )
        return [score(float(v), int(n)) for v, n in zip(values, names)]

    for n, count in [(2, 2), (12, 3), (40, 9), (30, 30), (64, 5)]:
        values = np.round(rng.random(n), 4)
        names = np.concatenate([np.arange(count), rng.integers(0, count, n - count)])
        rows = scores(values, names)
        inputs = {"values": values, "clusters": names}
        interval = std.ci(cluster="c")(rows)
        outputs = {"stderr": std.stderr(cluster="c")(rows), "interval": [interval["lower"], interval["upper"]]}
        fact(INSPECT, "clustered", inputs, outputs)
        fact(INSPECT, "stderr", {"values": values}, {"stderr": std.stderr()(rows)})
        # Miller 2024 (arXiv 2411.00640), equation 4: the plain standard error's square, and each pair of one cluster.
        mean = np.mean(values)
        pairs = sum((values[i] - mean) * (values[j] - mean) for i in range(n) for j in range(n) if names[i] == names[j])
        fact(FORMULA, "clustered.miller", inputs, {"stderr": math.sqrt(pairs) / n})
    for n in (2, 25):
        # Miller 2024, equations 7 and 8: Var(a) + Var(b) - 2 Cov(a, b), over n.
        a, b = np.round(rng.random(n), 4), np.round(rng.random(n), 4)
        variance = np.cov(a, b, ddof=1)
        error = math.sqrt((variance[0, 0] + variance[1, 1] - 2 * variance[0, 1]) / n)
        test = scipy.stats.ttest_rel(a, b)
        interval = test.confidence_interval(0.95)
        outputs = {"stderr": error, "p": test.pvalue, "interval": [interval.low, interval.high]}
        fact(FORMULA, "paired.miller", {"a": a, "b": b}, outputs)


def powers():
    solver = TTestPower()
    for n, effect, alpha in itertools.product([2, 3, 5, 10, 34, 200], [0.0, 0.2, 0.5, 2.0], [0.05, 0.01]):
        # nct.sf + nct.cdf, as statsmodels' ttest_power has it.
        p = solver.power(effect, n, alpha, alternative="two-sided")
        fact(STATSMODELS, "ttest_power", {"effect": effect, "n": n, "alpha": alpha}, {"power": p})
    for n in (5, 10, 40):
        effect = float(np.squeeze(solver.solve_power(nobs=n, alpha=0.05, power=0.8)))
        fact(STATSMODELS, "ttest_effect", {"n": n}, {"effect": effect})
    for effect in (0.1, 0.5, 1.0):
        n = math.ceil(float(np.squeeze(solver.solve_power(effect_size=effect, alpha=0.05, power=0.8))))
        fact(STATSMODELS, "ttest_count", {"effect": effect}, {"n": n})


def variances():
    """Crossed two-way random effects: mean squares by plain sums over deviations from table means, in f64."""
    for s, i, k in [(2, 2, 2), (5, 8, 3), (4, 20, 1), (10, 3, 4)]:
        d = rng.normal(size=(s, 1, 1)) + 0.7 * rng.normal(size=(1, i, 1)) + rng.normal(size=(s, i, k))
        d = np.round(d, 4)
        cell, seed, item, all_ = d.mean(2), d.mean((1, 2)), d.mean((0, 2)), d.mean()
        ms_seed = i * k * np.sum((seed - all_) ** 2) / (s - 1)
        ms_item = s * k * np.sum((item - all_) ** 2) / (i - 1)
        ms_cell = k * np.sum((cell - seed[:, None] - item[None] + all_) ** 2) / ((s - 1) * (i - 1))
        ms_rest = np.sum((d - cell[..., None]) ** 2) / (s * i * (k - 1)) if k > 1 else 0.0
        outputs = {
            "mean": all_,
            "seed": max(0.0, (ms_seed - ms_cell) / (i * k)),
            "item": max(0.0, (ms_item - ms_cell) / (s * k)),
            "interaction": max(0.0, (ms_cell - ms_rest) / k),
            "sampling": ms_rest,
        }
        fact(FORMULA, "components", {"scores": d}, outputs)


for write in (normal_distribution, aggregates, improvement, bca, rliable_intervals, permutations, outcomes, clusters, powers, variances, rank_correlations):
    write()
(HERE / "stats.jsonl").write_text("\n".join(lines) + "\n")
print(len(lines), "lines")
