"""What a Cargo.toml asks for: https://doc.rust-lang.org/cargo/reference/manifest.html.

What a member takes over from its workspace is put in its place: https://doc.rust-lang.org/cargo/reference/workspaces.html.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.cargo_tables import names_at, table_at, text_at
from outrider.operators.packages.versions.ecosystems import scheme_of

FORM = "Cargo.toml"
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")
# In this order Cargo takes them, of a target in another one than of all: `gather_dependencies` in src/cargo/util/toml/mod.rs.
_KINDS_OF_TARGET = ("dependencies", "build-dependencies", "dev-dependencies")
_TESTS = "dev-dependencies"
# Older spellings, which Cargo still reads.
_OLD = {"dev-dependencies": "dev_dependencies", "build-dependencies": "build_dependencies"}
_ELSEWHERE = ("git", "registry", "registry-index", "base")
_FORM_2024 = "2024"


class Shared(NamedTuple):
    """What the members of a workspace may take over.

    Attributes:
        path: Of the manifest of the workspace.
        table: Its table `workspace`.
    """

    path: Path
    table: Mapping[str, Any]


class CargoDependency(msgspec.Struct, kw_only=True, frozen=True):
    """A dependency.

    Attributes:
        file: The manifest that has the requirement: that of the package, or that of its workspace.
        where: Keys that lead to it there.
        key: How features of the package call it.
        name: Of the crate.
        range: The requirement; empty where none is written.
        shared: The features that are asked of it there, `-default` among them where the usual ones are declined.
        features: Those that the package asks of it, `default` among them unless it is declined.
        optional: Whether only a feature brings it in.
        for_tests: Whether only tests and examples need it.
        folder: Where it lies; None for what the registry has.
    """

    file: Path
    where: tuple[str, ...]
    key: str
    name: str
    range: str
    shared: tuple[str, ...]
    features: tuple[str, ...]
    optional: bool
    for_tests: bool
    folder: Path | None = None


class CargoManifest(msgspec.Struct, kw_only=True, frozen=True):
    """A package.

    Attributes:
        path: Of its manifest.
        name: Of it.
        version: Of it.
        dependencies: What it needs, in the order of Cargo.
        features: What each of its features brings in.
        links: The native library that it links; empty for none.
        rust: The version of Rust that it says it needs; empty where it says none.
    """

    path: Path
    name: str
    version: str
    dependencies: list[CargoDependency]
    features: dict[str, list[str]]
    links: str
    rust: str


def read_manifest(path: Path, document: Mapping[str, Any], shared: Shared | None) -> CargoManifest:
    """Read the manifest of a package.

    Args:
        path: Of it.
        document: What it says.
        shared: What it may take over; None where it is in no workspace.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It needs what no registry and no folder has.
    """
    return _Reader(path, document, shared).read()


def heeds_rust(document: Mapping[str, Any]) -> bool:
    """Return whether Cargo tries first what goes with a version of Rust (resolver 3).

    Args:
        document: The manifest of a package by itself, or of a workspace.
    """
    package = table_at(FORM, document, "package")
    edition = package.get("edition", "")
    if isinstance(edition, dict):
        edition = table_at(FORM, table_at(FORM, document, "workspace"), "package").get("edition", "")
    usual = "3" if str(edition) >= _FORM_2024 else "2"
    return str(table_at(FORM, document, "workspace").get("resolver", package.get("resolver", usual))) == "3"


class _Reader:
    def __init__(self, path: Path, document: Mapping[str, Any], shared: Shared | None) -> None:
        self._path, self._document, self._shared = path, document, shared
        self._form = str(path)

    def read(self) -> CargoManifest:
        package = table_at(self._form, self._document, "package")
        features = table_at(self._form, self._document, "features")
        version = self._own(package, "version") or "0.0.0"
        try:
            scheme_of("cargo").parse(version)
        except InvalidConfigError as error:
            raise InvalidConfigError(
                f"{self._form}: package.version {version} is none", path="package.version", found=version, expected="a version such as 1.0.0",
                suggestions=["correct it"],
            ) from error  # fmt: skip
        return CargoManifest(
            path=self._path, name=text_at(self._form, package, "name"), version=version, dependencies=list(self._dependencies()),
            features={key: names_at(self._form, features, key) for key in sorted(features)},
            links=str(package.get("links", "")), rust=self._own(package, "rust-version"),
        )  # fmt: skip

    def _own(self, package: Mapping[str, Any], key: str) -> str:
        """Return a text of the package, or of its workspace where it takes that over; empty where there is none."""
        value = package.get(key)
        if isinstance(value, dict) and value.get("workspace"):
            shared = self._taken_over(f"package.{key}")
            value = text_at(str(shared.path), table_at(str(shared.path), shared.table, "package"), key)
        return "" if value is None else text_at(self._form, {key: value}, key)

    def _taken_over(self, where: str) -> Shared:
        if self._shared is None:
            raise InvalidConfigError(
                f"{self._form}: {where} is taken over from a workspace, and there is none", path=where, found="workspace = true",
                expected=f"a {FORM} with [workspace] in a folder above", suggestions=["write it here"],
            )  # fmt: skip
        return self._shared

    def _dependencies(self) -> Iterator[CargoDependency]:
        targets = table_at(self._form, self._document, "target")
        for place in [(), *(("target", name) for name in sorted(targets))]:
            table = self._document if not place else table_at(self._form, targets, place[1])
            for kind in _KINDS_OF_TARGET if place else _KINDS:
                for key in (kind, _OLD.get(kind, "")):
                    if key in table:
                        for name, entry in sorted(table_at(self._form, table, key).items()):
                            yield self._dependency((*place, key, name), entry, for_tests=kind == _TESTS)

    def _dependency(self, where: tuple[str, ...], entry: Any, *, for_tests: bool) -> CargoDependency:
        own = _as_table(self._form, where, entry)
        file, place, base = self._taken_over_dependency(where) if own.get("workspace") else (self._path, where, own)
        form = str(file)
        _refuse_elsewhere(form, place, base)
        asked = names_at(form, base, "features")
        usual = _says_usual(base) is not False
        # A member can ask for the usual features, and not decline them.
        is_usual = usual or _says_usual(own) is True
        return CargoDependency(
            file=file, where=place, key=where[-1], name=text_at(form, base, "package", where[-1]),
            range=text_at(form, base, "version") if "version" in base else "",
            shared=tuple(sorted({*asked} | (set() if usual else {"-default"}))),
            features=tuple(sorted({*asked, *names_at(self._form, own, "features")} | ({"default"} if is_usual else set()))),
            optional=own.get("optional") is True, for_tests=for_tests,
            folder=file.parent / text_at(form, base, "path") if "path" in base else None,
        )  # fmt: skip

    def _taken_over_dependency(self, where: tuple[str, ...]) -> tuple[Path, tuple[str, ...], Mapping[str, Any]]:
        """Return what stands in the workspace for a dependency: the file, the place in it, and what it says."""
        shared, key = self._taken_over(".".join(where)), where[-1]
        place = ("workspace", "dependencies", key)
        listed = table_at(str(shared.path), shared.table, "dependencies")
        if key not in listed:
            raise InvalidConfigError(
                f"{self._form}: {'.'.join(where)} is taken over from {shared.path}, which does not have it", path=".".join(place),
                found="nothing", expected=f'{key} = "VERSION"', suggestions=["write it there into [workspace.dependencies]"],
            )  # fmt: skip
        return shared.path, place, _as_table(str(shared.path), place, listed[key])


def _as_table(form: str, where: tuple[str, ...], entry: Any) -> Mapping[str, Any]:
    shown = ".".join(where)
    return {"version": entry} if isinstance(entry, str) else table_at(form, {shown: entry}, shown)


def _says_usual(table: Mapping[str, Any]) -> Any:
    return table.get("default-features", table.get("default_features"))


def _refuse_elsewhere(form: str, where: tuple[str, ...], table: Mapping[str, Any]) -> None:
    other = next((one for one in _ELSEWHERE if table.get(one)), "")
    if other:
        shown = ".".join(where)
        raise UnsupportedError(
            f"{form}: {shown} comes from elsewhere than the registry or a folder: {other}", path=shown, found=other,
            expected="a requirement, or a path", suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
        )  # fmt: skip
