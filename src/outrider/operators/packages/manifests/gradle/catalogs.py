"""gradle/libs.versions.toml: https://docs.gradle.org/current/userguide/version_catalogs.html."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.gradle.toml_places import traced_toml
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.wanted import Wanted, strict_or_not

FORM = "libs.versions.toml"
_TABLES = ("metadata", "versions", "libraries", "bundles", "plugins")
_KEYS = ("ref", "require", "strictly", "prefer", "reject", "rejectAll")
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9_.\-]+")


class Library(NamedTuple):
    """A module that has an alias."""

    group: str
    name: str
    wanted: Wanted


class PluginAlias(NamedTuple):
    """A plugin that has an alias; its version is empty where the catalog does not say it."""

    id: str
    version: str = ""


class Catalog(NamedTuple):
    """A catalog; its entries by their aliases, in which all that parts words is a dot."""

    versions: Mapping[str, Wanted]
    libraries: Mapping[str, Library]
    bundles: Mapping[str, tuple[Library, ...]]
    plugins: Mapping[str, PluginAlias]


def accessor(alias: str) -> str:
    """Return an alias as scripts write it.

    Args:
        alias: As the catalog has it.
    """
    return re.sub("[-_]", ".", alias)


def read_catalog(form: str, text: str, path: Path) -> Catalog:
    """Read a catalog.

    Args:
        form: What it is called, for errors.
        text: Of it.
        path: Of it.

    Raises:
        InvalidConfigError: It is none.
    """
    document = traced_toml(form, text, path)
    unknown = sorted(set(document) - set(_TABLES))
    if unknown:
        _refuse(form, unknown[0], "a table that is not known", f"one of {', '.join(_TABLES)}")
    reader = _Reader(form, document)
    return reader.read()


class _Reader:
    def __init__(self, form: str, document: Mapping[str, Any]) -> None:
        self._form, self._document = form, document
        self._versions: dict[str, Wanted] = {}

    def read(self) -> Catalog:
        for alias, found in self._table("versions"):
            self._versions[accessor(alias)] = self._version(f"versions.{alias}", found)
        libraries = {accessor(alias): self._library(alias, found) for alias, found in self._table("libraries")}
        bundles = {accessor(alias): self._bundle(alias, found, libraries) for alias, found in self._table("bundles")}
        plugins = {accessor(alias): self._plugin(alias, found) for alias, found in self._table("plugins")}
        return Catalog(self._versions, libraries, bundles, plugins)

    def _table(self, name: str) -> list[tuple[str, Any]]:
        table = self._document.get(name, {})
        if not isinstance(table, dict):
            _refuse(self._form, name, "no table", "a table")
        seen: set[str] = set()
        for alias in table:
            if not _ALIAS.fullmatch(alias) or accessor(alias) in seen:
                _refuse(
                    self._form,
                    f"{name}.{alias}",
                    "an alias that Gradle does not take, or twice",
                    "[a-z][a-zA-Z0-9_.-]+",
                )
            seen.add(accessor(alias))
        return list(table.items())

    def _version(self, where: str, found: Any) -> Wanted:
        if isinstance(found, Traced):
            return strict_or_not(found)
        if not isinstance(found, dict) or not set(found) <= set(_KEYS):
            _refuse(self._form, where, "no version", f"a text, or a table of {', '.join(_KEYS)}")
        if "ref" in found:
            reference = self._text(f"{where}.ref", found["ref"])
            if set(found) != {"ref"} or accessor(reference.text) not in self._versions:
                _refuse(self._form, f"{where}.ref", reference.text, "the alias of a version alone")
            return self._versions[accessor(reference.text)]
        wanted = Wanted()
        for key in ("require", "strictly", "prefer"):
            if key in found:
                wanted = wanted.with_(key, [self._text(f"{where}.{key}", found[key])])
        rejected = found.get("reject", [])
        if not isinstance(rejected, list):
            _refuse(self._form, f"{where}.reject", "no list", "a list of texts")
        if rejected:
            wanted = wanted.with_("reject", [self._text(f"{where}.reject", one) for one in rejected])
        return wanted.with_("rejectAll", []) if found.get("rejectAll") is True else wanted

    def _library(self, alias: str, found: Any) -> Library:
        where = f"libraries.{alias}"
        if isinstance(found, Traced):
            parts = [part.stripped() for part in found.split(":")]
            if len(parts) != 3 or not all(part.text for part in parts):
                _refuse(self._form, where, found.text, "group:name:version")
            return Library(parts[0].text, parts[1].text, strict_or_not(parts[2]))
        if not isinstance(found, dict) or not set(found) <= {"group", "name", "version", "module"}:
            _refuse(self._form, where, "no library", "group, name or module, and version")
        if "module" in found:
            parts = [part.stripped() for part in self._text(f"{where}.module", found["module"]).split(":")]
        else:
            parts = [self._text(f"{where}.{key}", found.get(key)) for key in ("group", "name")]
        if len(parts) != 2 or not all(part.text for part in parts):
            _refuse(self._form, where, "no module", "group:name")
        wanted = self._version(f"{where}.version", found["version"]) if "version" in found else Wanted()
        return Library(parts[0].text, parts[1].text, wanted)

    def _bundle(self, alias: str, found: Any, libraries: Mapping[str, Library]) -> tuple[Library, ...]:
        where = f"bundles.{alias}"
        names = [self._text(where, one).text for one in found] if isinstance(found, list) else []
        if not isinstance(found, list) or not all(accessor(name) in libraries for name in names):
            _refuse(self._form, where, ", ".join(names), "a list of aliases of libraries")
        return tuple(libraries[accessor(name)] for name in names)

    def _plugin(self, alias: str, found: Any) -> PluginAlias:
        where = f"plugins.{alias}"
        if isinstance(found, Traced):
            name, _, version = found.text.partition(":")
            return PluginAlias(name.strip(), version.strip())
        if not isinstance(found, dict):
            _refuse(self._form, where, "no plugin", "id and version")
        version = self._version(f"{where}.version", found["version"]).required.text if "version" in found else ""
        return PluginAlias(self._text(f"{where}.id", found.get("id")).text, version)

    def _text(self, where: str, found: Any) -> Traced:
        if not isinstance(found, Traced) or not found.text:
            _refuse(self._form, where, "no text", "a text")
        return found


def _refuse(form: str, where: str, found: str, expected: str) -> NoReturn:
    raise InvalidConfigError(
        f"{form}: {where} cannot be read",
        path=where,
        source=form,
        found=found,
        expected=expected,
        suggestions=[f"correct {where}"],
    )
