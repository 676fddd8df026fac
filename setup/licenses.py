"""Prints docs/licenses.md: licences of all crates in Cargo.lock, of the wheels, and of the data.

    python3 setup/licenses.py >docs/licenses.md
"""

import collections
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Licences as the wheels' METADATA name them; those left out are NVIDIA's own.
WHEELS = {
    "torch": "Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND BSD-3-Clause AND BSL-1.0 AND MIT",
    "nvidia-nccl-cu13": "see License.txt in the wheel",
    "nvidia-nvshmem-cu13": "see License.txt in the wheel",
    "nvidia-nvtx": "Apache-2.0",
}
# The packages of setup/readers.txt.
READERS = {
    "tensorboard": "Apache-2.0",
    "absl-py": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
}
NVIDIA = "LicenseRef-NVIDIA-Proprietary"
# (what, licence, origin)
DATA = [
    ("micro worlds, base policy and results in `experiments/`, `reports/`", "Apache-2.0", "made by this repository from seeds"),
    (
        "`kernels/tests/golden/`",
        "Apache-2.0",
        "inputs made by this repository, outputs computed by verl 0.9.1, TRL 1.16.0 (both Apache-2.0), mergekit 0.1.5 (LGPL-3.0), CPython and PyTorch",
    ),
    (
        "`experiments/paper/`",
        "facts from arXiv 2512.12967",
        "numbers of the published tables and curves, read off for comparison; the paper belongs to its authors",
    ),
]


def crates():
    """All packages of the lock file for Linux, ours left out."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    meta = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    own = set(meta["workspace_members"])
    return [package for package in meta["packages"] if package["id"] not in own]


def expression(package):
    """The licence in SPDX form: crates of old write `MIT/Apache-2.0`."""
    return re.sub(r"\s*/\s*", " OR ", package["license"] or f"see {package['license_file']}")


def wheels():
    """The pinned wheels: (name, version, licence, in the CPU set?)."""
    cpu = (ROOT / "setup/libtorch.txt").read_text()
    for line in (ROOT / "setup/libtorch-cuda.txt").read_text().splitlines():
        if match := re.match(r"([\w-]+)==(\S+)", line):
            yield match[1], match[2], WHEELS.get(match[1], NVIDIA), line in cpu


def main():
    """Writes the page to the standard output."""
    print("# Licences\n\nlonglab is under Apache-2.0 (`LICENSE`). This page is printed by `setup/licenses.py`; `deny.toml` holds the")
    print("licences that a crate may have.\n\n## Data\n\n| what | licence | origin |\n|---|---|---|")
    for row in DATA:
        print("| " + " | ".join(row) + " |")
    print("\n## libtorch\n\nFetched at set-up from Python wheels, not shipped with the repository.\n")
    print("| wheel | version | licence | set |\n|---|---|---|---|")
    for name, version, licence, cpu in wheels():
        print(f"| {name} | {version} | {licence} | {'CPU and CUDA' if cpu else 'CUDA'} |")
    print("\n## Readers\n\nPython packages that the tests read longlab's files with; fetched by `./lab test`, not shipped.\n")
    print("| package | version | licence |\n|---|---|---|")
    for line in (ROOT / "setup/readers.txt").read_text().splitlines():
        if match := re.match(r"([\w-]+)==(\S+)", line):
            print(f"| {match[1]} | {match[2]} | {READERS[match[1]]} |")
    groups = collections.defaultdict(list)
    for package in crates():
        groups[expression(package)].append(f"{package['name']} {package['version']}")
    print("\n## Crates\n\n| licence | crates |\n|---|---|")
    for licence, names in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        print(f"| {licence} | {', '.join(sorted(names))} |")


if __name__ == "__main__":
    main()
