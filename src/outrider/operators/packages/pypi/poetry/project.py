"""A project of Poetry, as its own library reads it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poetry.core.constraints.version import Version
from poetry.core.factory import Factory
from poetry.core.packages.project_package import ProjectPackage
from poetry.core.pyproject.toml import PyProjectTOML
from poetry.core.version.exceptions import InvalidVersionError

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.poetry_requirements import (
    PoetryRequirement,
    requirements_of,
)
from outrider.operators.packages.manifests.poetry_sources import sources_of
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.toml_editing import with_text

_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_OF_PROJECT = ("requires-python", "dependencies", "optional-dependencies")


class PoetryManifest:
    """A project.

    Args:
        document: What its pyproject.toml says.

    Attributes:
        asked: What it asks for.
        sources: Where that comes from.
        package: It, with that.

    Raises:
        InvalidConfigError: It is no project, or asks for what cannot be read.
        UnsupportedError: It asks for what comes from elsewhere than the usual index.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.asked: list[PoetryRequirement] = requirements_of(document)
        self.sources = sources_of(document)
        self.package: ProjectPackage = _package(document)

    def with_texts(self, texts: Sequence[str]) -> "PoetryManifest":
        """Return the project with other texts for what it asks for."""
        document: Any = self.document
        for one, text in zip(self.asked, texts, strict=True):
            if text != one.text:
                document = with_text(document, one.where, text)
        return PoetryManifest(document) if document is not self.document else self

    @property
    def extras(self) -> dict[str, list[str]]:
        """The names of what each extra needs."""
        found = self.package.extras
        return {str(extra): sorted(one.pretty_name for one in found[extra]) for extra in sorted(found)}

    @property
    def content_hash(self) -> str:
        """What tells whether a lock is one of it: `_get_content_hash`, `poetry/packages/locker.py` of Poetry 2.5."""
        project = {key: one for key in _OF_PROJECT if (one := self.document.get("project", {}).get(key)) is not None}
        groups = self.document.get("dependency-groups", {})
        said = self.document.get("tool", {}).get("poetry", {})
        is_legacy = not project and not groups
        keys = [*_LEGACY, "group"]
        poetry = {key: said.get(key) for key in keys if key in said or (is_legacy and key != "group")}
        content: dict[str, Any] = {"project": project} if project else {}
        content |= {"dependency-groups": groups} if groups else {}
        content = content | {"tool": {"poetry": poetry}} if content else poetry
        try:
            return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        except TypeError as error:
            raise _malformed(f"a date or a time stands where none may be: {error}") from error


def parsed_version(text: str) -> Version | None:
    """Return a version as Poetry reads it; None where it is none."""
    try:
        return Version.parse(text)
    except InvalidVersionError:
        return None


class _Document(PyProjectTOML):
    """A file that was read."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(Path(FORM))
        self._data = document


def _package(document: Mapping[str, Any]) -> ProjectPackage:
    tool = document.get("tool", {})
    whole = {**document, "tool": {**tool, "poetry": tool.get("poetry", {})}}
    wrong = Factory.validate(whole)["errors"]
    if wrong:
        raise _malformed("; ".join(wrong))
    project, poetry = whole.get("project", {}), whole["tool"]["poetry"]
    # Other keys say what a lock does not follow from, and some name files.
    kept = {key: project[key] for key in (*_OF_PROJECT, "dynamic") if key in project}
    kept_poetry = {key: poetry[key] for key in (*_LEGACY, "group") if key in poetry}
    reduced = {**whole, "project": kept, "tool": {"poetry": kept_poetry}}
    name = project.get("name") or poetry.get("name", "non-package-mode")
    version = project.get("version") or poetry.get("version", "0")
    try:
        package = Factory.get_package(str(name), str(version))
        Factory.configure_package(package, _Document(reduced), Path())
    except ValueError as error:
        raise _malformed(str(error)) from error
    return package


def _malformed(what: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{FORM}: Poetry cannot read it: {what}", path="file", found=what[:200], expected="a project of Poetry", suggestions=["correct it"]
    )  # fmt: skip
