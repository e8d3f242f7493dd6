"""Where else than in the usual indexes a project has its needs from: https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources.

`LoweredRequirement` in crates/uv-distribution/src/metadata/lowering.rs of uv 0.13.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.py_requirements import malformed
from outrider.operators.packages.manifests.pyproject import PyProject, table_in
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import EXTRA, Tree, disjoint

_WHERE = ("marker", "extra", "group")
_KINDS = {
    "workspace": ("workspace", "editable", *_WHERE),
    "path": ("path", "editable", "package", *_WHERE),
    "index": ("index", *_WHERE),
    "git": ("git", "rev", "tag", "branch", "subdirectory", *_WHERE),
    "url": ("url", "subdirectory", *_WHERE),
}
_KEY = "tool.uv.sources"


class Source(NamedTuple):
    """A source.

    Attributes:
        kind: `workspace`, `path`, `index`, `git` or `url`.
        said: Its table.
        where: It stands, for errors.
        form: The name of the file, for errors.
        folder: Of that file.
        machines: On which it counts.
    """

    kind: str
    said: Mapping[str, Any]
    where: str
    form: str
    folder: Path
    machines: Tree

    def name(self, key: str) -> str:
        """Return the normalised name of the extra or the group that it is of; empty where that is not said.

        Raises:
            InvalidConfigError: Something else is said.
        """
        return normalised(self.text(key)) if key in self.said else ""

    def counts(self, extra: str, group: str) -> bool:
        """Return whether it is for what an extra or a group of a project needs; empty ones for what it needs anyway."""
        return self.name("extra") in ("", extra) and self.name("group") in ("", group)

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

    def of(self, name: str) -> list[Source]:
        """Return where a package comes from; nothing where that is a usual index.

        Raises:
            InvalidConfigError: What is said of it cannot be read, or two sources count at once.
            UnsupportedError: It is from where nothing is read.
        """
        if name not in self._tables:
            return self._shared.of(name) if self._shared is not None else []
        written, said = self._tables[name]
        where = f"{_KEY}.{written}"
        if not isinstance(said, list):
            return [self._source(said, where)]
        if len(said) == 1:
            return [self._source(said[0], where)]
        found = [self._source(one, f"{where}.{number}") for number, one in enumerate(said)]
        if not found:
            raise malformed((where,), said, "a source at least", form=self._form)
        for one, other in pairwise(found):
            self._refuse_overlapping(one, other)
        return found

    def refuse_missing(self, project: PyProject) -> None:
        """Refuse sources for extras or groups of a project that have no such requirement.

        Raises:
            InvalidConfigError: There is one.
        """
        for name in [one for one, (_, said) in self._tables.items() if _is_for_some(said)]:
            for source in self.of(name):
                extra, group = source.name("extra"), source.name("group")
                if not extra and not group:
                    continue
                needs = [one for one in project.requirements if one.extra == extra]
                needs = project.groups.get(group, []) if group else needs
                if not any(one.need.name == name for one in needs):
                    raise InvalidConfigError(
                        f"{self._form}: {source.where} is for {extra or group}, which does not ask for {name}", path=source.where,
                        found=extra or group, expected=f"{'a group' if group else 'an extra'} that asks for {name}",
                        suggestions=["correct it", f"add {name} there"],
                    )  # fmt: skip

    def _source(self, said: Any, where: str) -> Source:
        if not isinstance(said, dict):
            raise malformed((where,), said, "a table", form=self._form)
        kind = next((one for one in _KINDS if one in said), "")
        unread = next((key for key in said if key not in _KINDS.get(kind, ())), "")
        if not kind or unread:
            raise self._unread(f"{where}.{unread}".rstrip("."), unread or "nothing", " or ".join(_KINDS))
        if "extra" in said and "group" in said:
            raise malformed((where,), "extra and group", "one of them", form=self._form)
        source = Source(kind, said, where, self._form, self._folder, True)
        source.flag("editable")
        return source._replace(machines=self._machines(source)) if "marker" in said else source

    def _machines(self, source: Source) -> Tree:
        text = source.text("marker")
        try:
            tree = marker_tree(text)
        except InvalidConfigError:
            raise malformed((source.where, "marker"), text, "a marker", form=self._form) from None
        if _has_extra(tree):
            raise self._unread(f"{source.where}.marker", text[:80], "a marker of machines, and extra = beside it")
        return tree

    def _refuse_overlapping(self, one: Source, other: Source) -> None:
        """Refuse two sources that stand side by side and count on the same machines; as with uv, others are looked at where they clash."""
        same = all(one.name(key) == other.name(key) for key in ("extra", "group"))
        if same and not disjoint(one.machines, other.machines):
            raise InvalidConfigError(
                f"{self._form}: {one.where} and {other.where} are for the same machines", path=other.where,
                found=f"{marker_text(one.machines) or 'all'} and {marker_text(other.machines) or 'all'}", expected="markers of which one alone is true",
                suggestions=["narrow one of them"],
            )  # fmt: skip

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


def _has_extra(tree: Tree) -> bool:
    return not isinstance(tree, bool) and (tree.variable.kind == EXTRA or any(map(_has_extra, tree.children)))


def _is_for_some(said: Any) -> bool:
    """Return whether a source is for an extra or a group alone."""
    listed = said if isinstance(said, list) else [said]
    return any(isinstance(one, dict) and ("extra" in one or "group" in one) for one in listed)
