"""What a Cargo.toml asks for: https://doc.rust-lang.org/cargo/reference/manifest.html.

What a member takes over from its workspace is put in its place: https://doc.rust-lang.org/cargo/reference/workspaces.html.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.cargo.places import CRATES_IO, INDEX, NAMED, REFERENCES, USUAL, git_place, is_usual
from outrider.operators.packages.manifests.cargo_features import refuse_unknown_features
from outrider.operators.packages.manifests.cargo_tables import names_at, table_at, text_at
from outrider.operators.packages.versions.ecosystems import scheme_of

FORM = "Cargo.toml"
ANY = "*"
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")
# In this order Cargo takes them, of a target in another one than of all: `gather_dependencies` in src/cargo/util/toml/mod.rs.
_KINDS_OF_TARGET = ("dependencies", "build-dependencies", "dev-dependencies")
_TESTS = "dev-dependencies"
# Older spellings, which Cargo still reads.
_OLD = {"dev-dependencies": "dev_dependencies", "build-dependencies": "build_dependencies"}
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
        folder: Where it lies; None for what a registry or a repository has.
        place: Which one: as Cargo.lock writes it, or `registry:NAME`; empty for the usual registry.
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
    place: str = USUAL


class WrittenPatch(NamedTuple):
    """What is to be taken in place of what a registry or a repository has.

    Attributes:
        of: Which: its name or its address, as it is written.
        dependency: What is taken.
    """

    of: str
    dependency: CargoDependency


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
        UnsupportedError: It needs what is not read here.
    """
    return _Reader(path, document, shared).read()


def read_patches(path: Path, document: Mapping[str, Any]) -> list[WrittenPatch]:
    """Return the patches of a manifest; the errors are those of `read_manifest`."""
    reader = _Reader(path, document, None)
    tables = table_at(str(path), document, "patch")
    return [
        WrittenPatch(of, reader.dependency(("patch", of, key), entry, for_tests=False))
        for of in sorted(tables)
        for key, entry in sorted(table_at(str(path), tables, of).items())
    ]


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
        dependencies = list(self._dependencies())
        self._refuse_several_places(dependencies)
        needs: dict[str, bool] = {}
        for one in dependencies:
            needs[one.key] = needs.get(one.key, False) or one.optional
        written = {key: names_at(self._form, features, key) for key in sorted(features)}
        refuse_unknown_features(self._form, written, needs)
        return CargoManifest(
            path=self._path, name=text_at(self._form, package, "name"), version=version, dependencies=dependencies,
            features=written, links=str(package.get("links", "")), rust=self._own(package, "rust-version"),
        )  # fmt: skip

    def _refuse_several_places(self, dependencies: list[CargoDependency]) -> None:
        """Refuse one key for what comes from several places, such as on several machines, as Cargo does."""
        known: dict[str, tuple[str, str]] = {}
        for one in dependencies:
            place = (one.place, "" if one.folder is None else os.path.normpath(one.folder))
            if known.setdefault(one.key, place) != place:
                raise InvalidConfigError(
                    f"{self._form}: {one.key} comes from one place here and from another one there", path=".".join(one.where),
                    found=" and ".join(filter(None, (*known[one.key], *place))), expected="one place", suggestions=["give one of them another key, with package"],
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
                            yield self.dependency((*place, key, name), entry, for_tests=kind == _TESTS)

    def dependency(self, where: tuple[str, ...], entry: Any, *, for_tests: bool) -> CargoDependency:
        """Return one, whose errors are those of `read_manifest`."""
        own = _as_table(self._form, where, entry)
        file, place, base = self._taken_over_dependency(where) if own.get("workspace") else (self._path, where, own)
        form = str(file)
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
            folder=file.parent / text_at(form, base, "path") if "path" in base else None, place=_place(form, place, base),
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


def _place(form: str, where: tuple[str, ...], table: Mapping[str, Any]) -> str:
    """Return the registry or the repository that has a dependency."""
    shown = ".".join(where)
    if table.get("base"):
        raise UnsupportedError(
            f"{form}: {shown} has a base, which is not read", path=shown, found="base", expected="a path", suggestions=["write the whole path"]
        )  # fmt: skip
    references = {one: text_at(form, table, one) for one in REFERENCES if one in table}
    others = [one for one in ("git", "path", "registry", "registry-index") if one in table]
    if (references and "git" not in table) or (others and others not in (["path", "registry"], others[:1])):
        raise InvalidConfigError(
            f"{form}: {shown} says in several ways where it comes from", path=shown, found=", ".join([*others, *references]),
            expected="git, with a branch, a tag or a revision, or a path, or a registry", suggestions=["leave one of them"],
        )  # fmt: skip
    if "git" in table:
        return git_place(form, shown, text_at(form, table, "git"), references)
    if "path" in table or not others:
        return USUAL
    index = text_at(form, table, others[0])
    if others == ["registry"]:
        return USUAL if index == CRATES_IO else f"{NAMED}{index}"
    return USUAL if is_usual(f"{INDEX}{index}") else index
