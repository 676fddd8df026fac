"""Unpacks from downloaded wheels the files that building and running take: unpack.py WHEELS DEST."""

import errno
import glob
import os
import re
import sys
import zipfile

# Shared objects that only Python needs.
PYTHON_ONLY = re.compile(r"torch/lib/libtorch_python|torch/lib/libshm|torch/lib/libtorch_global_deps|torch/_C")
# With a CUDA set everything in the lib folders is kept, else this is all that the CPU library loads.
CPU = re.compile(
    r"torch/lib/(libc10|libtorch_cpu)\.so$|torch/lib/libgomp\.so\.1$"
    r"|nvidia/cu13/lib/(libcudart|libcupti)\.so\.13$"
)
LIBRARY = re.compile(r"(torch|nvidia/[^/]+)/lib/.*\.so[.0-9]*$")


def wanted(name, cuda):
    """Is this file of a wheel needed?"""
    if name.startswith("torch/include/") or CPU.match(name):
        return True
    return cuda and bool(LIBRARY.match(name)) and not PYTHON_ONLY.match(name)


def unpack(wheels, dest):
    """Unpacks all wheels of a folder and lays libtorch out as torch-sys expects it."""
    files = sorted(glob.glob(os.path.join(wheels, "*.whl")))
    cuda = any("nvidia_cublas" in os.path.basename(file) for file in files)
    for file in files:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(dest, [name for name in archive.namelist() if wanted(name, cuda)])
    missing = [f for f in ("include/torch", "lib/libtorch_cpu.so", "lib/libc10.so") if not os.path.exists(os.path.join(dest, "torch", f))]
    if missing:
        sys.exit("lab: the torch wheel lacks " + ", ".join(missing))
    # The wheel's own libtorch.so is an empty shell that pulls in CUDA. With the CPU library in its place one binary serves
    # both sets: CUDA is loaded at run time where it is there.
    shell = os.path.join(dest, "torch/lib/libtorch.so")
    if os.path.lexists(shell):
        os.remove(shell)
    os.symlink("libtorch_cpu.so", shell)
    version = next(os.path.basename(f).split("-")[1] for f in files if os.path.basename(f).startswith("torch-"))
    with open(os.path.join(dest, "torch/build-version"), "w") as out:
        out.write(version + "\n")


if __name__ == "__main__":
    try:
        unpack(*sys.argv[1:])
    except zipfile.BadZipFile as error:
        sys.exit(f"lab: a wheel is damaged: {error}")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit("lab: the disk ran full while libtorch was unpacked; free some space and run this again")
        sys.exit(f"lab: libtorch could not be unpacked: {error}")
