"""Images of containers in files: as `docker save` and `podman save` write them, as layouts of OCI, and roots that are one archive.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md.
"""

import hashlib
import io
import posixpath
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.distributions.files import MOST_ENTRIES, Root, located
from outrider.operators.packages.distributions.layers import LayeredRoot
from outrider.operators.packages.distributions.streams import Budget, Summed, members, plain_stream, told_of

_LAYOUT, _INDEX, _SAVED = "oci-layout", "index.json", "manifest.json"
_LARGEST_DOCUMENT, _MOST_NESTED = 4 << 20, 4
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
# What builders say of how an image was made stands among the images.
_NO_IMAGE = "vnd.docker.reference.type"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_Kind = TypeVar("_Kind")


class _Descriptor(msgspec.Struct, rename="camel"):
    digest: str
    media_type: str = ""
    annotations: dict[str, str] | None = None


class _Index(msgspec.Struct):
    manifests: list[_Descriptor]


class _Manifest(msgspec.Struct):
    layers: list[_Descriptor]


class _SavedImage(msgspec.Struct, rename="pascal"):
    layers: list[str]


class _Part(NamedTuple):
    """A file of an image: where its content can be read, and how much of it."""

    stream: BinaryIO
    size: int


class _Parts(NamedTuple):
    """The files of an image.

    Attributes:
        name: What the image is called.
        open: Opens a file by its name.
        has: Whether there is one.
    """

    name: str
    open: Callable[[str], AbstractContextManager[_Part]]
    has: Callable[[str], bool]


def is_image(path: Path) -> bool:
    """Return whether a path is that of an image: a layout of OCI, or an archive."""
    if path.is_dir():
        return (path / _LAYOUT).is_file() and (path / _INDEX).is_file()
    # What is packed in other ways is refused in words that say so.
    return path.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"))


def image_root(path: Path) -> Root:
    """Return the root that an image makes.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It is none, or is damaged.
        LimitedError: It is too large.
        UnsupportedError: It has several images, or is packed in a way that is not read.
        MissingRequirementError: It is packed with zstd, and the library that unpacks it is not installed.
    """
    root = LayeredRoot(Budget())
    try:
        if path.is_dir():
            _put_on(root, _Parts(str(path), partial(_opened_below, path), lambda name: (path / name).is_file()))
        else:
            _put_on_archive(root, path)
    except OSError as error:
        raise NotFoundError(
            f"{path}: it cannot be read: {error.strerror}", found=str(error.strerror), expected="an image, or a root",
            suggestions=["check the path"],
        ) from error  # fmt: skip
    if lost := root.lost_links():
        raise UnsupportedError(
            f"{path}: {lost[0]} leads to what is not looked at in an image", path=lost[0], found=located(root, lost[0])[:200],
            expected="a plain file", suggestions=["unpack the image into a folder, and name that"],
        )  # fmt: skip
    return root


def _put_on_archive(root: LayeredRoot, path: Path) -> None:
    with path.open("rb") as file:
        if plain_stream(file, str(path)) is file:
            files = _image_files(file, str(path))
            if _SAVED in files or (_LAYOUT in files and _INDEX in files):
                _put_on(root, _Parts(str(path), partial(_opened_in, file, files), files.__contains__))
                return
        file.seek(0)
        root.put_on(file, str(path))


def _image_files(file: io.BufferedReader, name: str) -> dict[str, tarfile.TarInfo]:
    """Return the files of an archive by name; none where it has so many that it is no image, but a root."""
    with told_of(name):
        found = [one for one, _ in islice(members(file, name, Budget()), MOST_ENTRIES + 1)]
    return {posixpath.normpath(one.name): one for one in found if not one.isdir()} if len(found) <= MOST_ENTRIES else {}


@contextmanager
def _opened_in(file: BinaryIO, files: Mapping[str, tarfile.TarInfo], name: str) -> Iterator[_Part]:
    member = files[name]
    if member.issym() or member.islnk():
        # What several images of an archive share, older versions of Docker have once.
        folder = posixpath.dirname(name) if member.issym() else ""
        member = files.get(posixpath.normpath(posixpath.join(folder, member.linkname)), member)
    file.seek(member.offset_data)
    yield _Part(file, member.size)


@contextmanager
def _opened_below(folder: Path, name: str) -> Iterator[_Part]:
    with (folder / name).open("rb") as file:
        yield _Part(file, (folder / name).stat().st_size)


def _put_on(root: LayeredRoot, parts: _Parts) -> None:
    """Put the layers of an image on, and check that each of them is what the image says."""
    for layer, digest in _layers(parts):
        _check(parts, layer)
        with parts.open(layer) as part:
            summed = Summed(part.stream, part.size)
            root.put_on(io.BufferedReader(summed), f"{parts.name}: {layer}")
            found = summed.digest()
        if digest and found != digest:
            raise _damaged(f"{parts.name}: {layer} is not what its image says", found, digest)


def _layers(parts: _Parts) -> list[tuple[str, str]]:
    """Return the names of the layers of an image, the lowest first, each with its checksum where that is told."""
    if not parts.has(_LAYOUT):
        images = _document(parts, _SAVED, "", list[_SavedImage])
        if len(images) != 1:
            raise _several(parts, len(images))
        return [(posixpath.normpath(layer), "") for layer in images[0].layers]
    index = _document(parts, _INDEX, "", _Index)
    for _ in range(_MOST_NESTED):
        found = {one.digest: one for one in index.manifests if _NO_IMAGE not in (one.annotations or {})}
        if len(found) != 1:
            raise _several(parts, len(found))
        [(digest, descriptor)] = found.items()
        if descriptor.media_type not in _INDEXES:
            manifest = _document(parts, _blob(parts, digest), digest, _Manifest)
            return [(_blob(parts, one.digest), one.digest) for one in manifest.layers]
        index = _document(parts, _blob(parts, digest), digest, _Index)
    raise _damaged(f"{parts.name}: its indexes are nested too deeply", f"more than {_MOST_NESTED}", "one index, or two")


def _blob(parts: _Parts, digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise UnsupportedError(
            f"{parts.name}: {digest[:100]!r} is a checksum that is not read", found=digest[:100], expected="sha256 and 64 digits",
            suggestions=["unpack the image into a folder, and name that"],
        )  # fmt: skip
    return f"blobs/sha256/{match[1]}"


def _check(parts: _Parts, name: str) -> None:
    if not parts.has(name):
        raise _damaged(f"{parts.name}: {name} is missing", "no such file", "an image with all of its layers")


def _document(parts: _Parts, name: str, digest: str, kind: type[_Kind]) -> _Kind:
    _check(parts, name)
    with parts.open(name) as part:
        if part.size > _LARGEST_DOCUMENT:
            raise _damaged(
                f"{parts.name}: {name} is too large", f"{part.size} bytes", f"at most {_LARGEST_DOCUMENT} bytes"
            )
        content = part.stream.read(part.size)
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest and found != digest:
        raise _damaged(f"{parts.name}: {name} is not what its image says", found, digest)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _damaged(
            f"{parts.name}: {name} cannot be read: {error}", str(error)[:200], "what the format has there"
        ) from error


def _several(parts: _Parts, count: int) -> UnsupportedError:
    return UnsupportedError(
        f"{parts.name}: it has {count} images", found=f"{count} images", expected="one image, for one platform",
        suggestions=["save one image alone, for one platform"],
    )  # fmt: skip


def _damaged(message: str, found: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(message, found=found, expected=expected, suggestions=["save the image again"])
