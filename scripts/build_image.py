"""Builds the container image of Outrider as an archive, without a container engine.

    python scripts/build_image.py [--output FILE] [--base FILE]

Three layers: Debian with its Python (mmdebstrap, root), the locked libraries, and Outrider itself. The first two are kept in the
cache, by a digest of what they are made from, so that a change of the code costs a second. `--base` also writes the first one
alone, as an image for agents in Python.
"""

import argparse
import compileall
import hashlib
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from outrider.local.cluster.images import ImageConfig, write_archive
from outrider.runtime.contexts import cache_folder
from outrider.version import __version__

ROOT = Path(__file__).resolve().parents[1]
IMAGE = f"outrider.dev/outrider:{__version__}"
PYTHON_IMAGE = "outrider.dev/python:3.11"
SUITE = "bookworm"
PACKAGES = "python3,ca-certificates"
LIBRARIES = "opt/outrider/lib"
# Where the Python of the base looks by itself.
DEFAULT_LIBRARIES = "usr/local/lib/python3.11/dist-packages"
REQUIREMENTS = ROOT / "requirements" / "image.txt"
# What nobody reads in a container.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
_USER = "65532:65532"
# That of the base.
_PYTHON = (3, 11)


def main(arguments: list[str]) -> int:
    """Build the image and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=cache_folder() / "image" / f"outrider-{__version__}.tar")
    parser.add_argument("--base", type=Path, help="where to write the image with Python alone")
    given = parser.parse_args(arguments)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    base, libraries = base_layer(), libraries_layer()
    with tempfile.TemporaryDirectory() as scratch:
        code = code_layer(Path(scratch) / "code.tar")
        environment = {**_ENVIRONMENT, "PYTHONPATH": f"/{LIBRARIES}"}
        config = ImageConfig(entrypoint=["python3", "-m", "outrider"], environment=environment, user=_USER)
        write_archive(given.output, IMAGE, [base, libraries, code], config)
    sys.stdout.write(f"{given.output}: {IMAGE}, {given.output.stat().st_size / 2**20:.0f} MiB\n")
    if given.base is not None:
        python_archive(given.base)
        sys.stdout.write(f"{given.base}: {PYTHON_IMAGE}\n")
    return 0


def python_archive(file: Path) -> Path:
    """Write the image with Python alone, for agents in Python, and return the file."""
    write_archive(
        file, PYTHON_IMAGE, [base_layer()], ImageConfig(command=["python3"], environment=_ENVIRONMENT, user=_USER)
    )
    return file


def base_layer() -> Path:
    """Return the layer with Debian and its Python, made once."""
    made = _cached("base", f"{SUITE} {PACKAGES} {_LEFT_OUT} {platform.machine()}".encode())
    if not made.exists():
        if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
            sys.exit("the base of the image is made by mmdebstrap, as root: apt-get install mmdebstrap")
        temporary = made.with_name(f"base.{os.getpid()}.part.tar")
        left_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
        _run(
            ["mmdebstrap", "--quiet", "--variant=essential", f"--include={PACKAGES}", *left_out, SUITE, str(temporary)]
        )
        temporary.replace(made)
    return made


def libraries_layer(requirements: Path = REQUIREMENTS, folder: str = LIBRARIES) -> Path:
    """Return the layer with locked libraries in a folder, for the Python of the base, made once."""
    made = _cached("libraries", requirements.read_bytes() + f"{folder} {platform.machine()} {_compiles()}".encode())
    if not made.exists():
        platforms = [
            f"--platform={name}_{platform.machine()}"
            for name in ("manylinux_2_34", "manylinux_2_28", "manylinux2014", "linux")
        ]
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "lib"
            _run([
                sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile", "--require-hashes", "--only-binary=:all:",
                "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none", *platforms, "--target", str(target), "-r", str(requirements),
            ])  # fmt: skip
            _pack(made, target, folder)
    return made


def code_layer(file: Path) -> Path:
    """Return the layer with Outrider itself."""
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "outrider"
        left_out = shutil.ignore_patterns("__pycache__", "tests", ".outrider", "*.log")
        shutil.copytree(ROOT / "src" / "outrider", package, ignore=left_out)
        for name in ("plugins", "examples"):
            shutil.copytree(ROOT / name, package / "_data" / name, ignore=left_out)
        return _pack(file, package, f"{LIBRARIES}/outrider")


def _cached(name: str, made_from: bytes) -> Path:
    folder = cache_folder() / "image"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{hashlib.sha256(made_from).hexdigest()[:16]}.tar"


def _compiles() -> bool:
    """Return whether this Python writes what that of the base reads."""
    return sys.version_info[:2] == _PYTHON


def _pack(file: Path, source: Path, target: str) -> Path:
    """Write a folder as a tar that is the same for the same files, compiled: nothing may be written where it runs."""
    if _compiles():
        compileall.compile_dir(
            source, quiet=2, stripdir=source, prependdir=f"/{target}", invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )  # fmt: skip
    # Of two that build at once each has its own file.
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    with tarfile.open(temporary, "w") as tar:
        for path in sorted(source.rglob("*")):
            tar.add(path, f"{target}/{path.relative_to(source)}", recursive=False, filter=_plain)
    return temporary.replace(file)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def _run(command: list[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"this did not work: {' '.join(command[:4])} ...")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
