"""Where else than in the usual indexes a project has its needs from: https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources.

`LoweredRequirement` in crates/uv-distribution/src/metadata/lowering.rs of uv 0.13.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.py_requirements import malformed
from outrider.operators.packages.manifests.pyproject import table_in
from outrider.operators.packages.pypi.pages import normalised

_KINDS = {"workspace": ("workspace", "editable"), "path": ("path", "editable", "package"), "index": ("index",)}
_KEY = "tool.uv.sources"


class Source(NamedTuple):
    """A source.

    Attributes:
        kind: `workspace`, `path` or `index`.
        said: Its table.
        where: It stands, for errors.
        form: The name of the file, for errors.
        folder: Of that file.
    """

    kind: str
    said: Mapping[str, Any]
    where: str
    form: str
    folder: Path

    def text(self, key: str) -> str:
        """Return a text of it.

        Raises:
            InvalidConfigError: There is none.
        """
        found = self.said.get(key)
        if not isinstance(found, str) or not found:
            raise malformed((self.where, key), found, "a text", form=self.form)
        return found

    def flag(self, key: str) -> bool | None:
        """Return whether something is so; None where that is not said.

        Raises:
            InvalidConfigError: Something else is said.
        """
        found = self.said.get(key)
        if found is not None and not isinstance(found, bool):
            raise malformed((self.where, key), found, "true or false", form=self.form)
        return found


class Sources:
    """Sources of a project.

    Args:
        document: What its manifest says.
        form: The name of that, for errors.
        folder: Of the project.
        shared: The sources of the root of its workspace, which count where it has none of its own.

    Raises:
        InvalidConfigError: There is no table of them.
    """

    def __init__(self, document: Mapping[str, Any], form: str, folder: Path, shared: "Sources | None" = None) -> None:
        table = table_in(document, _KEY, form)
        self._tables = {normalised(name): (name, said) for name, said in table.items()}
        self._form, self._folder, self._shared = form, folder, shared
        self._indexes = _indexes(document, form)

    def of(self, name: str) -> Source | None:
        """Return where a package comes from; None where that is a usual index.

        Raises:
            InvalidConfigError: What is said of it cannot be read.
            UnsupportedError: It is from where nothing is read.
        """
        if name not in self._tables:
            return self._shared.of(name) if self._shared is not None else None
        written, said = self._tables[name]
        where = f"{_KEY}.{written}"
        if isinstance(said, list) and len(said) == 1:
            said = said[0]
        if isinstance(said, list):
            raise self._unread(where, "several sources", "one source")
        if not isinstance(said, dict):
            raise malformed((where,), said, "a table", form=self._form)
        kind = next((one for one in _KINDS if one in said), "")
        unread = next((key for key in said if key not in _KINDS.get(kind, ())), "")
        if not kind or unread:
            raise self._unread(f"{where}.{unread}".rstrip("."), unread or "nothing", " or ".join(_KINDS))
        return Source(kind, said, where, self._form, self._folder)

    def members(self) -> dict[str, bool | None]:
        """Return the names of what is a member of the workspace here, and whether it is editable."""
        found = {}
        for name, (_, said) in self._tables.items():
            for one in said if isinstance(said, list) else [said]:
                if isinstance(one, dict) and one.get("workspace") is True:
                    editable = one.get("editable")
                    found[name] = editable if isinstance(editable, bool) else None
        return found

    def address(self, source: Source) -> str:
        """Return the address of an index that a source names.

        Raises:
            InvalidConfigError: No index has such a name.
        """
        name = source.text("index")
        found = self._address(name)
        if not found:
            raise InvalidConfigError(
                f"{source.form}: {source.where} names the index {name}, and there is none", path=f"{source.where}.index", found=name,
                expected="the name of an index in tool.uv.index", suggestions=["correct it", "add the index to tool.uv.index"],
            )  # fmt: skip
        return found

    def _address(self, name: str) -> str:
        found = self._indexes.get(name, "")
        return found or (self._shared._address(name) if self._shared is not None else "")  # noqa: SLF001 - of its own class

    def _unread(self, where: str, found: str, expected: str) -> UnsupportedError:
        return UnsupportedError(
            f"{self._form}: {where} is not heeded here, and a lock of uv follows from it", path=where, found=found, expected=expected,
            suggestions=["use uv itself: uv lock"],
        )  # fmt: skip


def _indexes(document: Mapping[str, Any], form: str) -> dict[str, str]:
    """Return the addresses of indexes by their names."""
    listed = table_in(document, "tool.uv", form).get("index", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise malformed(("tool", "uv", "index"), listed, "a list of tables", form=form)
    found: dict[str, str] = {}
    for one in listed:
        if isinstance(one.get("name"), str) and isinstance(one.get("url"), str):
            found.setdefault(one["name"], one["url"])
    return found
