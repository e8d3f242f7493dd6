"""What a Cargo.toml asks for: https://doc.rust-lang.org/cargo/reference/manifest.html.

Cargo.lock has what any feature of the package and any machine may need, and what its tests need; so all of that is asked for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml

FORM = "Cargo.toml"
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")
# Older spellings, which Cargo still reads.
_OLD = {"dev-dependencies": "dev_dependencies", "build-dependencies": "build_dependencies"}
_ELSEWHERE = ("path", "git", "registry", "registry-index", "workspace", "base")
_FIRST_OF_FORM_4 = (1, 78)
_FORM_2024 = "2024"


class CargoWish(msgspec.Struct, kw_only=True, frozen=True):
    """A dependency.

    Attributes:
        where: Keys that lead to it in the file.
        name: Of the crate.
        range: The requirement.
        features: That are asked of it, `-default` among them where the usual ones are declined.
    """

    where: tuple[str, ...]
    name: str
    range: str
    features: tuple[str, ...] = ()

    def text(self, requirement: str = "") -> str:
        """Return it as it is asked for, with another requirement where one is given."""
        features = f"[{','.join(self.features)}]" if self.features else ""
        return f"{self.name}{features}@{requirement or self.range}"


class CargoManifest(msgspec.Struct, kw_only=True, frozen=True):
    """A package.

    Attributes:
        name: Of it.
        version: Of it.
        wishes: What it needs, in the order of Cargo.
        form: The version of Cargo.lock that Cargo writes for it.
        heeds_rust: Whether Cargo chooses by the version of Rust too (resolver 3), which nobody here does.
    """

    name: str
    version: str
    wishes: list[CargoWish]
    form: int
    heeds_rust: bool


def read_manifest(text: str) -> CargoManifest:
    """Read a Cargo.toml.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It is of a workspace, or needs what no registry has.
    """
    document = read_toml(FORM, text)
    package = _table(document, "package")
    _refuse_workspace(document, package)
    features = _table(document, "features")
    wishes = [
        _wish((*place, key), key, entry, features)
        for place, table in _tables(document)
        for key, entry in sorted(table.items())
    ]
    return CargoManifest(
        name=_text(package, "name"), version=_text(package, "version", "0.0.0"), wishes=wishes,
        form=4 if _rust(package) >= _FIRST_OF_FORM_4 else 3, heeds_rust=_heeds_rust(package),
    )  # fmt: skip


def _refuse_workspace(document: Mapping[str, Any], package: Mapping[str, Any]) -> None:
    inherits = any(isinstance(value, dict) and value.get("workspace") for value in package.values())
    for what in ("workspace", "patch", "replace"):
        if document.get(what) or (what == "workspace" and (inherits or not package)):
            raise UnsupportedError(
                f"{FORM}: a manifest with [{what}] is not read", path=what, found=f"[{what}]", expected="one package by itself",
                suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
            )  # fmt: skip


def _tables(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the tables of dependencies with the keys that lead there, in the order of Cargo."""
    targets = _table(document, "target")
    for place in [(), *(("target", name) for name in sorted(targets))]:
        table = document if not place else _table(targets, place[1])
        for kind in _KINDS:
            for key in (kind, _OLD.get(kind, "")):
                if key in table:
                    yield (*place, key), _table(table, key)


def _wish(where: tuple[str, ...], key: str, entry: Any, features: Mapping[str, Any]) -> CargoWish:
    table = {"version": entry} if isinstance(entry, str) else entry
    if not isinstance(table, dict):
        raise _malformed(".".join(where), entry, "a requirement, or a table with one")
    other = next((one for one in _ELSEWHERE if table.get(one)), "")
    if other:
        raise UnsupportedError(
            f"{FORM}: {'.'.join(where)} comes from elsewhere than the registry: {other}", path=".".join(where), found=other,
            expected="a requirement alone", suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
        )  # fmt: skip
    asked = table.get("features", [])
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise _malformed(f"{'.'.join(where)}.features", asked, "a list of texts")
    usual = table.get("default-features", table.get("default_features", True))
    wanted = {*asked, *_brought(key, features)} | (set() if usual else {"-default"})
    return CargoWish(
        where=where,
        name=_text(table, "package", key),
        range=_text(table, "version", "*"),
        features=tuple(sorted(wanted)),
    )


def _brought(key: str, features: Mapping[str, Any]) -> Iterable[str]:
    """Yield the features that those of the package itself ask of a dependency."""
    values = [value for listed in features.values() if isinstance(listed, list) for value in listed]
    for value in values:
        dependency, slash, feature = value.partition("/") if isinstance(value, str) else ("", "", "")
        if slash and dependency.removesuffix("?") == key:
            yield feature


def _rust(package: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the version of Rust that a package says it needs; a new one where it says none."""
    said = re.fullmatch(r"(\d{1,4})\.(\d{1,4})(?:\..*)?", str(package.get("rust-version", "")))
    return (int(said[1]), int(said[2])) if said else _FIRST_OF_FORM_4


def _heeds_rust(package: Mapping[str, Any]) -> bool:
    return str(package.get("resolver", "3" if str(package.get("edition", "")) >= _FORM_2024 else "2")) == "3"


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise _malformed(key, found, "a table")
    return found


def _text(table: Mapping[str, Any], key: str, usual: str = "") -> str:
    found = table.get(key, usual)
    if not isinstance(found, str) or not found:
        raise _malformed(key, found, "a text")
    return found


def _malformed(path: str, found: Any, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{FORM}: {path} cannot be read", path=path, found=type(found).__name__, expected=expected, suggestions=["correct it"]
    )  # fmt: skip
