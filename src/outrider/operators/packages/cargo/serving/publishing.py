"""What cargo publish sends: https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish."""

import re
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, OutriderError
from outrider.core.timestamps import timestamp_of_second
from outrider.operators.packages.cargo.serving.documents import spelled
from outrider.operators.packages.cargo.serving.upstream import crate_file
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.tables import Release, Tables
from outrider.operators.packages.versions.ecosystems import scheme_of

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LENGTH = 4


class _Dependency(msgspec.Struct):
    name: str
    version_req: str
    features: list[str] = []
    optional: bool = False
    default_features: bool = True
    target: str | None = None
    kind: str = "normal"
    registry: str | None = None
    explicit_name_in_toml: str | None = None


class _Crate(msgspec.Struct):
    name: str
    vers: str
    deps: list[_Dependency] = []
    features: dict[str, list[str]] = {}
    links: str | None = None
    rust_version: str | None = None
    description: str | None = None
    license: str | None = None


def read_crate(body: bytes) -> tuple[_Crate, bytes]:
    """Return what is said of a crate, and its file.

    Raises:
        InvalidConfigError: The body is something else.
    """
    said, rest = _part(body)
    content, left = _part(rest)
    if left:
        raise _wrong("body", f"{len(left)} bytes too many", "a description and a file, each after its length")
    try:
        crate = msgspec.json.decode(said, type=_Crate)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong("body", str(error), "what cargo publish sends") from error
    if _NAME.fullmatch(crate.name) is None:
        raise _wrong("name", crate.name, "a letter, then letters, digits, - and _, 64 at most")
    scheme_of("cargo").parse(crate.vers)
    return crate, content


def release_of(crate: _Crate, content: bytes, blobs: Blobs, publisher: str, now: float) -> Release:
    """Keep the file of a crate, and return what is known of it.

    Args:
        crate: What is said of it.
        content: Its file.
        blobs: Where files are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.
    """
    digest = blobs.put(content, durable=True)
    # Those that need a newer Cargo stand apart, so that an older one does not stumble over them.
    newer = {
        name: them
        for name, them in crate.features.items()
        if any(one.startswith("dep:") or "?/" in one for one in them)
    }
    line: dict[str, Any] = {
        "name": crate.name, "vers": crate.vers, "deps": [_need(one) for one in crate.deps], "cksum": digest, "yanked": False,
        "features": {name: them for name, them in crate.features.items() if name not in newer}, "links": crate.links,
        "rust_version": crate.rust_version, "pubtime": timestamp_of_second(now), "description": crate.description or "",
        "license": crate.license or "",
    }  # fmt: skip
    if newer:
        line |= {"v": 2, "features2": newer}
    return Release(
        file=crate_file(crate.name, crate.vers), version=crate.vers, digest=digest, size=len(content), said=msgspec.json.encode(line),
        published=now, publisher=publisher,
    )  # fmt: skip


def publish(tables: Tables, name: str, release: Release) -> None:
    """Have a version.

    Raises:
        ConflictError: There is one already, or a crate whose name differs by `-`, `_` or capitals alone.
    """
    releases, own = tables.releases("cargo", name), spelled(name, release.said)
    alike = [other for other in tables.names("cargo") if other != name and _folded(other) == _folded(name)]
    if alike:
        raise ConflictError(
            f"the name {name} is too near to that of the crate {alike[0]}", path="name", found=name, expected=alike[0],
            suggestions=["choose another name"],
        )  # fmt: skip
    called = next((spelled(name, one.said) for one in releases), own)
    if called != own:
        # Cargo looks for lines of the name as its users write it, and would find no other ones.
        raise ConflictError(
            f"the crate is called {called} here, and not {own}", path="name", found=own, expected=called,
            suggestions=[f"write {called} in Cargo.toml"],
        )  # fmt: skip
    # Build metadata does not make another version, with crates.io neither.
    if any(_bare(one.version) == _bare(release.version) for one in releases):
        raise ConflictError(
            f"crate {name}@{release.version} already exists", path="vers", found=release.version, expected="a new version",
            suggestions=["raise the version in Cargo.toml"],
        )  # fmt: skip
    tables.put_release("cargo", name, release)


def yank(tables: Tables, name: str, version: str, *, yanked: bool) -> None:
    """Take a version back, or have it again.

    Raises:
        NotFoundError: There is none.
    """
    found = next((one for one in tables.releases("cargo", name) if one.version == version), None)
    if found is None:
        raise NotFoundError(f"cargo {name}: there is no version {version}", found=version)
    tables.put_release("cargo", name, msgspec.structs.replace(found, yanked="yanked" if yanked else None))


def _part(body: bytes) -> tuple[bytes, bytes]:
    """Return what stands behind its length, and the rest."""
    size = int.from_bytes(body[:_LENGTH], "little")
    if len(body) < _LENGTH + size:
        raise _wrong("body", f"{len(body)} bytes", f"{size} bytes after a length of 4 bytes")
    return body[_LENGTH : _LENGTH + size], body[_LENGTH + size :]


def _need(one: _Dependency) -> dict[str, Any]:
    """Return a dependency as the index has it, in which the name is that by which code knows it."""
    return {
        "name": one.explicit_name_in_toml or one.name, "req": one.version_req, "features": one.features, "optional": one.optional,
        "default_features": one.default_features, "target": one.target, "kind": one.kind, "registry": one.registry,
        "package": one.name if one.explicit_name_in_toml else None,
    }  # fmt: skip


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")


def _bare(version: str) -> str:
    return version.partition("+")[0]


def _wrong(field: str, found: str, expected: str) -> OutriderError:
    return InvalidConfigError(
        f"{field}: {found[:100]}, and not {expected}", path=field, found=found[:100], expected=expected,
        suggestions=["publish with cargo"],
    )  # fmt: skip
