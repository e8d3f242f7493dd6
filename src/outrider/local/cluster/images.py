"""Images without a container engine: archives as docker writes them, and how containerd takes them."""

import hashlib
import io
import json
import lzma
import os
import platform
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.local.cluster.components import CONTAINERD_SOCKET

# What reading a damaged file, or one that is something else, may raise.
_NO_ARCHIVE = (
    tarfile.TarError, OSError, EOFError, KeyError, TypeError, AttributeError, ValueError, zlib.error, lzma.LZMAError,
)  # fmt: skip
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the containers of an image start.

    Attributes:
        user: Numeric, so that a pod may insist on one that is not root.
    """

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    folder: str = "/"
    user: str = "0"


def layer(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Return a layer (a tar) with some files.

    Args:
        files: Content and mode, by path without the first slash.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def write_archive(file: Path, name: str, layers: Sequence[bytes | Path], config: ImageConfig) -> None:
    """Write an image as an archive that `docker load` and `ctr images import` take; the same input gives the same bytes.

    Args:
        file: Where to.
        name: Of the image, with its tag.
        layers: Tars, the lowest first; those in files are not read into memory at once.
        config: How its containers start.
    """
    digests = [_digest(one) for one in layers]
    settings = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "User": config.user, "WorkingDir": config.folder, "Entrypoint": list(config.entrypoint), "Cmd": list(config.command),
            "Env": [f"{key}={value}" for key, value in sorted(config.environment.items())],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }  # fmt: skip
    encoded = json.dumps(settings, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}.tar" for digest in digests]}]
    # Whoever reads the file while it is made anew reads all of the old one.
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    with tarfile.open(temporary, "w") as tar:
        _add(tar, config_name, encoded)
        for digest, one in zip(digests, layers, strict=True):
            _add(tar, f"{digest}.tar", one)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    temporary.replace(file)


def write_pause(file: Path, program: Path, name: str) -> None:
    """Write the image of the first process of each pod.

    Args:
        file: Where to.
        program: Linked statically.
        name: Of the image.
    """
    config = ImageConfig(entrypoint=["/pause"], user="65535:65535")
    write_archive(file, name, [layer({"pause": (program.read_bytes(), 0o755)})], config)


def import_command(ctr: Path, file: str) -> list[str]:
    """Return the command that gives an archive to containerd, within the namespaces of its cluster.

    Args:
        ctr: Client of containerd.
        file: The archive; `-` for the standard input.
    """
    # A relative socket path fails in silence.
    return [str(ctr), "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import", file]


def archive_images(file: Path) -> list[str]:
    """Return the names of the images in an archive, of docker's form or an OCI layout (image-layout.md, index.json)."""
    try:
        with tarfile.open(file) as tar:
            names = tar.getnames()
            if "manifest.json" in names:
                return [tag for entry in _read(tar, "manifest.json") for tag in entry.get("RepoTags") or ()]
            index = _read(tar, "index.json") if "index.json" in names else {}
            found = [entry.get("annotations") or {} for entry in index.get("manifests") or ()]
    except _NO_ARCHIVE:
        return []
    return [
        name
        for one in found
        if (name := one.get("io.containerd.image.name") or one.get("org.opencontainers.image.ref.name"))
    ]


def _read(tar: tarfile.TarFile, name: str) -> Any:
    member = tar.extractfile(name)
    return json.loads(member.read()) if member is not None else {}


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
        return
    entry.size = content.stat().st_size
    with content.open("rb") as file:
        tar.addfile(entry, file)
