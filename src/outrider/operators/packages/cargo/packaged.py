"""The file that cargo package writes, and what cargo publish says of it.

https://doc.rust-lang.org/cargo/reference/registry-web-api.html#publish, and `ops/registry/publish.rs` of Cargo 1.95.
"""

import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.registries.publications import LocalFile, contradiction
from outrider.operators.packages.versions.ecosystems import scheme_of

MANIFEST, _ORIGINAL, _LOCK = "Cargo.toml", "Cargo.toml.orig", "Cargo.lock"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LARGEST, _LARGEST_TEXT, _MOST_FILES = 512 << 20, 8 << 20, 100_000
_KINDS = {"dependencies": "normal", "dev-dependencies": "dev", "build-dependencies": "build"}
# Those that have no other form in the API.
_TEXTS = ("description", "documentation", "homepage", "license", "repository", "links")
_LISTS = ("authors", "keywords", "categories")
_COMPARATOR = re.compile(
    r"(?P<operator>=|>=|<=|>|<|~|\^)?\s*(?P<first>\d+|[*xX])(?:\.(?P<second>\d+|[*xX]))?(?:\.(?P<third>\d+|[*xX])(?P<before>-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?"
)
_WILD = "*xX"
_REMEDY = "package it anew: cargo package"


class Crate:
    """A crate in a file.

    Args:
        file: The file.

    Attributes:
        name: Of the crate.
        version: Of the crate.
        manifest: Its Cargo.toml, as Cargo has written it anew.

    Raises:
        InvalidConfigError: Cargo has not packaged it, or it contradicts itself.
    """

    def __init__(self, file: LocalFile) -> None:
        self._file, self._texts, folder = file, *_unpacked(file)
        if MANIFEST not in self._texts or _ORIGINAL not in self._texts:
            raise not_packaged(file, f"no {MANIFEST} that Cargo has written, with {_ORIGINAL} beside it")
        try:
            self.manifest = read_toml(MANIFEST, self._texts[MANIFEST])
            package = _table(self.manifest, "package")
            self.name, self.version = str(package.get("name", "")), str(package.get("version", ""))
            scheme_of("cargo").parse(self.version)
        except InvalidConfigError as error:
            raise not_packaged(file, error.message) from error
        if _NAME.fullmatch(self.name) is None:
            raise not_packaged(file, f"the name {self.name[:100]!r}")
        if folder != f"{self.name}-{self.version}":
            raise not_packaged(file, f"its folder is {folder[:100]}, and {MANIFEST} says {self.name} {self.version}")

    @property
    def registries(self) -> list[str] | None:
        """The names of the registries in which it may be published; None where it may in any."""
        said = _table(self.manifest, "package").get("publish")
        if isinstance(said, list) and all(isinstance(one, str) for one in said):
            return said
        return [] if said is False else None

    def described(self, index: str | None) -> dict[str, Any]:
        """Return what Cargo says of it.

        Args:
            index: The address of the index in which it is published, as dependencies name it; None for crates.io.

        Raises:
            UnsupportedError: It needs something of crates.io, and its lock does not name that.
            InvalidConfigError: A dependency cannot be read.
        """
        package = _table(self.manifest, "package")
        readme = package.get("readme")
        shown = readme if isinstance(readme, str) and readme in self._texts else None
        said: dict[str, Any] = {
            "name": self.name, "vers": self.version, "deps": list(self._needs(index)), "features": self.manifest.get("features", {}),
            **{key: package.get(key, []) for key in _LISTS}, **{key: package.get(key) for key in _TEXTS},
            "readme": self._texts[shown] if shown else None, "readme_file": readme if isinstance(readme, str) else None,
            "license_file": package.get("license-file"), "badges": self.manifest.get("badges", {}),
            "rust_version": package.get("rust-version"),
        }  # fmt: skip
        return said

    def _needs(self, index: str | None) -> Iterator[dict[str, Any]]:
        targets = _table(self.manifest, "target")
        for target in (None, *sorted(targets)):
            tables = self.manifest if target is None else _table(targets, target)
            for kind, shown in _KINDS.items():
                for key, entry in sorted(_table(tables, kind).items()):
                    table = {"version": entry} if isinstance(entry, str) else entry
                    if not isinstance(table, dict) or "path" in table or "git" in table:
                        raise not_packaged(self._file, f"{kind}.{key} is of no registry")
                    yield self._need(key, table, shown, target, index)

    def _need(
        self, key: str, table: Mapping[str, Any], kind: str, target: str | None, index: str | None
    ) -> dict[str, Any]:
        name = str(table.get("package", key))
        said = {
            "optional": bool(table.get("optional", False)), "default_features": bool(table.get("default-features", True)), "name": name,
            "features": table.get("features", []), "version_req": self._requirement(key, table.get("version", "*")), "target": target,
            "kind": kind,
        }  # fmt: skip
        other = self._registry(name, table.get("registry-index"), index)
        return (
            said
            | ({"registry": other} if other else {})
            | ({"explicit_name_in_toml": key} if "package" in table else {})
        )

    def _registry(self, name: str, said: Any, index: str | None) -> str | None:
        """Return where a dependency comes from; None where that is where the crate goes.

        In the manifest it is crates.io that is not named, and in the API it is the registry itself.
        """
        if isinstance(said, str):
            return None if index is not None and _same(said, index) else said
        if index is None:
            return None
        for one in read_toml(_LOCK, self._texts.get(_LOCK, "")).get("package", []):
            if isinstance(one, dict) and one.get("name") == name and str(one.get("source", "")).startswith("registry+"):
                return str(one["source"]).removeprefix("registry+")
        raise UnsupportedError(
            f"{self._file.path}: where {name} comes from is not known: its lock does not say it", path="files", found=f"no {name} in Cargo.lock",
            expected="a lock with all that is needed", suggestions=["publish it with cargo publish", "package it with a newer Cargo"],
        )  # fmt: skip

    def _requirement(self, key: str, text: Any) -> str:
        shown = shown_requirement(text) if isinstance(text, str) else None
        if shown is None:
            raise not_packaged(self._file, f"the requirement of {key}: {str(text)[:100]!r}")
        return shown


def shown_requirement(text: str) -> str | None:
    """Return a requirement as Cargo writes it in the API, `VersionReq` of the crate semver; None where it is none."""
    shown: list[str] = []
    for part in text.split(","):
        match = _COMPARATOR.fullmatch(part.strip())
        if match is None:
            return None
        numbers = [one for one in (match["first"], match["second"], match["third"]) if one is not None]
        wild = next((at for at, one in enumerate(numbers) if one in _WILD), None)
        if wild is None:
            shown.append(f"{match['operator'] or '^'}{'.'.join(numbers)}{match['before'] or ''}")
        else:
            shown.append(".".join([*numbers[:wild], "*"]))
    return ", ".join(shown)


def _unpacked(file: LocalFile) -> tuple[dict[str, str], str]:
    """Return the texts at the top of a crate, and its folder."""
    texts: dict[str, str] = {}
    folders: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(file.content), mode="r|gz") as archive:
            total = 0
            for number, member in enumerate(archive):
                total += member.size
                if total > _LARGEST or number > _MOST_FILES:
                    raise not_packaged(file, "too many files, or too large ones")
                folder, _, path = member.name.partition("/")
                if not member.isfile() or not path or ".." in path.split("/") or path in texts:
                    raise not_packaged(file, f"{member.name[:100]!r} is in it")
                folders.add(folder)
                if (
                    member.size <= _LARGEST_TEXT
                    and (content := archive.extractfile(member)) is not None
                    and "/" not in path
                ):
                    texts[path] = content.read().decode("utf-8", "replace")
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise not_packaged(file, str(error) or "no gzipped tar archive") from error
    if len(folders) != 1:
        raise not_packaged(file, f"{len(folders)} folders at its top")
    return texts, folders.pop()


def _same(one: str, other: str) -> bool:
    return one.removeprefix("sparse+").rstrip("/") == other.removeprefix("sparse+").rstrip("/")


def _table(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def not_packaged(file: LocalFile, found: str) -> InvalidConfigError:
    """Return the error for a file that cargo package has not written."""
    return contradiction(
        file, f"it is no crate: {found[:300]}", found=found, expected="what cargo package writes", remedy=_REMEDY
    )  # fmt: skip
