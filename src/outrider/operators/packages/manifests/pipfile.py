"""What a Pipfile asks Pipenv for, and where it says so: https://pipenv.pypa.io/en/latest/pipfile.html."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.manifests.pipfile_sources import (
    FORM,
    PipfileSource,
    malformed,
    sources_of,
    unsupported,
)
from outrider.operators.packages.manifests.toml_editing import with_text
from outrider.operators.packages.pypi.pages import normalised

ANY = "*"
DEFAULT = "default"
_CATEGORIES = {"packages": DEFAULT, "dev-packages": "develop"}
_NO_CATEGORIES = ("build-system", "pipenv", "requires", "scripts", "source")
# What Pipenv leaves out of the digest of a Pipfile, or puts in under another name.
_NOT_HASHED = ("source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_OPERATOR = re.compile(r"\s*(?:~=|===?|!=|<=?|>=?)")
_VARIABLES = (
    "implementation_name", "implementation_version", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_full_version", "python_version", "sys_platform",
)  # fmt: skip
_KEYS = ("version", "extras", "markers", "index", *_VARIABLES)
# Of [pipenv]: what a lock does not follow from, and what is heeded.
_HARMLESS = ("disable_pip_input", "install_search_all_sources", "package_name_case", "prefetch_index_manifests",
             "resolver_timeout_seconds", "sort_pipfile", "use_default_constraints")  # fmt: skip
_RESOLVERS = ("resolver", "resolver_backend")
_PYTHON = re.compile(r"[23](?:\.[0-9]{1,3}){1,2}")

Where = tuple[str | int, ...]


class PipfileRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement.

    Attributes:
        where: Keys that lead to its version in the file.
        category: Of the lock in which it is.
        name: Of the package, as it is spelled there.
        text: Its version, as it is written there; empty where it has none.
        said: The keys of its table; none where it is a text.
    """

    where: Where
    category: str
    name: str
    text: str
    said: Mapping[str, Any] = {}

    @property
    def range(self) -> str:
        """Its range; empty where any version will do."""
        if self.text in ("", ANY):
            return ""
        return self.text if _OPERATOR.match(self.text) else f"=={self.text}"

    @property
    def extras(self) -> list[str]:
        """That are asked for, as they are spelled there."""
        return list(self.said.get("extras", ()))

    @property
    def marker(self) -> str:
        """What it says of machines with `markers`."""
        return str(self.said.get("markers", ""))

    @property
    def variables(self) -> dict[str, str]:
        """What it says of machines with keys of their own, such as `sys_platform`."""
        return {key: text for key, text in self.said.items() if key in _VARIABLES}

    @property
    def index(self) -> str:
        """The name of the source from which alone it comes; empty for the first one."""
        return str(self.said.get("index", ""))

    @property
    def told(self) -> str:
        """It as pip has it, without machines."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.range}"


class Pipfile:
    """A project of Pipenv.

    Args:
        document: What its Pipfile says.

    Attributes:
        asked: What it asks for.
        sources: Where packages come from, the usual one first.
        categories: Of its lock, in the order in which they are chosen for.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It has what is not read here.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.sources: list[PipfileSource] = sources_of(document)
        sections = [one for one in document if one not in _NO_CATEGORIES and one not in _CATEGORIES]
        for one in sections:
            if one in _CATEGORIES.values():
                raise unsupported((one,), "is what Pipenv calls a part of the lock", "another name")
        self.categories = [*_CATEGORIES.values(), *sections]
        self.asked = [one for section in (*_CATEGORIES, *sections) for one in self._requirements(section)]
        self._refuse_settings()
        self._refuse_several_indexes()

    @classmethod
    def read(cls, text: str) -> "Pipfile":
        """Read a file; the errors are those of the class."""
        return cls(read_toml(FORM, text))

    def with_texts(self, texts: Sequence[str]) -> "Pipfile":
        """Return the project with other versions for what it asks for, in its order."""
        document: Any = self.document
        for one, text in zip(self.asked, texts, strict=True):
            if text != one.text:
                document = with_text(document, one.where, text)
        return Pipfile(document) if document is not self.document else self

    @property
    def requires(self) -> Mapping[str, Any]:
        """What it says of Python."""
        return _table(self.document, "requires")

    @property
    def python(self) -> str:
        """For which version of Python it is; empty where it names none alone."""
        for key in ("python_full_version", "python_version"):
            text = self.requires.get(key, "")
            if not isinstance(text, str):
                raise malformed(("requires", key), text, "a version such as 3.12")
            if _PYTHON.fullmatch(text):
                return text
        return ""

    @property
    def constrains(self) -> bool:
        """Whether other categories take the versions of the default one."""
        return bool(_table(self.document, "pipenv").get("use_default_constraints", True))

    @property
    def digest(self) -> str:
        """What Pipenv tells one Pipfile from another by: `calculate_hash`, `pipenv/utils/pipfile.py` of Pipenv 2026.10."""
        sections = _CATEGORIES | {one: one for one in self.document if one not in _NOT_HASHED}
        told = {
            "_meta": {"sources": self.document["source"], "requires": self.requires},
            **{key: _normalised_keys(_table(self.document, name)) for name, key in sections.items()},
        }
        content = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    def _requirements(self, section: str) -> Iterator[PipfileRequirement]:
        names: set[str] = set()
        for name, said in _table(self.document, section).items():
            if not _NAME.fullmatch(name) or normalised(name) in names:
                raise malformed((section, name), name, "a name of a package, once")
            names.add(normalised(name))
            yield _requirement(section, name, said)

    def _refuse_settings(self) -> None:
        for key, value in _table(self.document, "pipenv").items():
            is_usual = key in _RESOLVERS and value == "pip"
            if value and key not in _HARMLESS and not is_usual:
                raise unsupported(("pipenv", key), "is a setting that is not heeded here", "no such setting")

    def _refuse_several_indexes(self) -> None:
        known, usual = {one.name for one in self.sources}, self.sources[0].name
        indexes: dict[str, str] = {}
        for one in self.asked:
            where = (*one.where[:2], "index")
            if one.index and one.index not in known:
                raise malformed(where, one.index, f"the name of a source: {', '.join(sorted(known))}")
            if indexes.setdefault(normalised(one.name), one.index or usual) != (one.index or usual):
                raise unsupported(where, "is another one than elsewhere in the file", "the same index for one package")


def _requirement(section: str, name: str, said: Any) -> PipfileRequirement:
    category = _CATEGORIES.get(section, section)
    if isinstance(said, str):
        one = PipfileRequirement(where=(section, name), category=category, name=name, text=said)
    elif isinstance(said, dict):
        _check_table(section, name, said)
        where = (section, name, "version")
        one = PipfileRequirement(where=where, category=category, name=name, text=said.get("version", ""), said=said)
    else:
        raise malformed((section, name), said, 'a version such as "*", or a table')
    if not _is_range(one):
        raise malformed(one.where, one.text, '"*", "1.2" or ">=1.2,<2"')
    return one


def _is_range(one: PipfileRequirement) -> bool:
    try:
        SpecifierSet(one.range)
    except InvalidSpecifier:
        return False
    # Behind `===` any word will do, and nobody means that with `=>1`.
    return one.text.startswith("===") or not one.range.startswith("===")


def _check_table(section: str, name: str, said: Mapping[str, Any]) -> None:
    for key, value in said.items():
        where = (section, name, key)
        if key not in _KEYS:
            raise unsupported(where, "is not locked here", f"only {', '.join(_KEYS[:4])} and sys_platform and the like")
        if key == "extras":
            if not isinstance(value, list) or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in value):
                raise malformed(where, value, "a list of names")
        elif not isinstance(value, str):
            raise malformed(where, value, "a text")
        elif key in ("markers", *_VARIABLES) and not _is_marker(value if key == "markers" else f"{key} {value}"):
            raise malformed(where, value, "an environment marker" if key == "markers" else "such as \"== 'linux'\"")


def _is_marker(text: str) -> bool:
    try:
        return not text or bool(Marker(text))
    except (InvalidMarker, RecursionError):
        return False


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise malformed((key,), found, "a table")
    return found


def _normalised_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    return {normalised(key): value for key, value in table.items()}
