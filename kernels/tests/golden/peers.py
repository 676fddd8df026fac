"""What losses.py and sce.py share: a peer's package imported without the heavy ones it never runs here, and numbers as JSON.

`start(names, versions)` makes `import NAME` (and any submodule) give a module whose every attribute is an inert class: it can
be subclassed, used as a decorator or as a type, and what calling it gives is false. Nothing numeric may be stubbed: torch,
numpy and the peers' own modules are always the real ones.
"""

import abc
import importlib.abc
import importlib.machinery
import importlib.metadata
import math
import pathlib
import sys
import types

HERE = pathlib.Path(__file__).resolve().parent


class Inert:
    """What calling a stub gives: false, empty, and itself a decorator."""

    def __bool__(self):
        return False

    def __iter__(self):
        return iter(())

    def __call__(self, *args, **kwargs):
        return args[0] if len(args) == 1 and not kwargs and callable(args[0]) else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class Meta(abc.ABCMeta):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stub(name)

    def __call__(cls, *args, **kwargs):
        return Inert()(*args, **kwargs) if "is_stub" in cls.__dict__ else super().__call__(*args, **kwargs)

    def __getitem__(cls, _):
        return cls

    def __add__(cls, other):
        return other


def stub(name):
    return Meta(name, (), {"is_stub": True})


class Module(types.ModuleType):
    __path__ = []
    __version__ = "99.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = stub(name)
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names):
        self.names = set(names)

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] in self.names:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return Module(spec.name)

    def exec_module(self, module):
        pass


def start(names, versions):
    """To be called before anything imports torch."""
    # A script in this folder is called difflib: keep it out of torch's imports.
    sys.path[:] = [p for p in sys.path if pathlib.Path(p or ".").resolve() != HERE]
    for package, version in versions.items():
        assert importlib.metadata.version(package) == version, f"{package} must be {version}"
    sys.meta_path.insert(0, Finder(names))


def plain(value):
    """Tensors and numbers as JSON, an f32 by its shortest digits; -0.0 becomes 0.0."""
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value] if value.ndim else plain(value[()])
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, np.float32):
        value = float(str(value))
    if isinstance(value, (float, np.floating)):
        assert math.isfinite(value), value
        return float(value) + 0.0
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value
