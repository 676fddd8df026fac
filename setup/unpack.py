"""Unpacks from the downloaded wheels the files a CPU build needs: unpack.py WHEELS DEST."""
import glob, os, sys, zipfile

wheels, dest = sys.argv[1:]
keep = ('torch/include/', 'torch/lib/libc10.so', 'torch/lib/libtorch_cpu.so', 'torch/lib/libgomp.so.1',
        'nvidia/cu13/lib/libcudart.so.13', 'nvidia/cu13/lib/libcupti.so.13')
for wheel in glob.glob(os.path.join(wheels, '*.whl')):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(dest, [name for name in archive.namelist() if name.startswith(keep)])
# The wheel's libtorch.so is an empty shell that pulls in CUDA; the CPU library stands in for it.
os.symlink('libtorch_cpu.so', os.path.join(dest, 'torch/lib/libtorch.so'))
