"""Reads the entries of a lock one by one, so that a broken one does not hide the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from outrider.operators.packages.locks.lock import Lock, LockedPackage, Packed, unreadable
from outrider.operators.packages.texts import number_of

_SHOWN = 200
_LONGEST = 2000
_MOST_REPORTS = 1000
# The name of what is needed, or that with the version in which it is: of some names a lock has several.
Need = str | tuple[str, str]

Hashes = dict[str, tuple[str, ...]]


class UnusableEntry(Exception):  # noqa: N818 - it is reported, not shown as an error
    """An entry that cannot be read; `Findings.entry` turns it into a sentence."""


class Findings:
    """What was found in a file so far.

    Args:
        form: The name of its format.
        ecosystem: Of its packages, where all are of one.
    """

    def __init__(self, form: str, ecosystem: str = "") -> None:
        self.form = form
        self.packages: list[LockedPackage] = []
        self._ecosystem = ecosystem
        self._asked: set[Need] = set()
        self._lacking: dict[str, str] = {}
        self._reports: list[str] = []
        self._place: object = ""

    def add(
        self,
        name: str,
        version: str,
        *,
        hashes: Hashes | Callable[[], Hashes] | None = None,
        needs: Iterable[Need] = (),
        **rest: Any,
    ) -> None:
        """Add a package.

        Args:
            name: As its ecosystem compares names.
            version: As it is written.
            hashes: By algorithm; or what reads them: where it cannot, that is noted, and the package is there all the same.
            needs: Names, and versions where the file says them.
            rest: Other fields of `LockedPackage`.

        Raises:
            UnusableEntry: The name or the version is no such thing.
        """
        for what, one in (("name", name), ("version", version)):
            if not one:
                raise UnusableEntry(f"it has no {what}")
            if len(one) > _LONGEST or not one.isprintable() or one != one.strip():
                raise UnusableEntry(f"{one!r} is no {what}")
        rest.setdefault("ecosystem", self._ecosystem)
        if callable(hashes):
            hashes = self._read_hashes(hashes)
        versions: dict[str, set[str]] = {}
        for need in needs:
            needed, its_version = (need, "") if isinstance(need, str) else need
            if needed:
                versions.setdefault(needed, set()).update([its_version] if its_version else [])
        self.packages.append(
            LockedPackage(
                name=name, version=version, hashes=dict(hashes or {}), needs=tuple(sorted(versions)),
                needed_versions={needed: tuple(sorted(said)) for needed, said in versions.items() if said}, **rest,
            )
        )  # fmt: skip

    def ask(self, needs: Iterable[Need]) -> None:
        """Note what the project itself asks for."""
        self._asked.update(one if isinstance(one, str) or one[1] else one[0] for one in needs)

    def lack(self, need: str, by: object) -> None:
        """Note what is needed and has no entry: a file that is whole has one for it.

        Args:
            need: As it is called there.
            by: What needs it.
        """
        self._lacking.setdefault(need, f"{need}, which {by} needs, is not in it")

    def _read_hashes(self, read: Callable[[], Hashes]) -> Hashes:
        try:
            return read()
        except UnusableEntry as error:
            self.report(f"{self._place}: {error}")
            return {}

    def report(self, what: str) -> None:
        """Note what could not be read, in words."""
        self._reports.append(" ".join(what.split())[:_SHOWN])

    @contextmanager
    def entry(self, place: object) -> Iterator[None]:
        """Read one entry within; what is wrong with it is noted with its place."""
        around, self._place = self._place, place
        try:
            yield
        except UnusableEntry as error:
            self.report(f"{place}: {error}")
        finally:
            self._place = around

    def section(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return the mapping at a name of the file; it is empty where there is none.

        Raises:
            InvalidConfigError: It is something else.
        """
        found: dict[str, Any] = self._whole(document, name, dict)
        return found

    def rows(self, document: Mapping[str, Any], name: str) -> list[Any]:
        """Return the list at a name of the file; it is empty where there is none.

        Raises:
            InvalidConfigError: It is something else.
        """
        found: list[Any] = self._whole(document, name, list)
        return found

    def _whole(self, document: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
        found = document.get(name)
        if found is None or found == "":  # the latter is how YAML's nothing is read
            return kind()
        if not isinstance(found, kind):
            raise unreadable(self.form, f"{name}: {type(found).__name__}", f"{name}: {kind.__name__}")
        return found

    def lock(self, *, tells_needs: bool = True, partial: str = "", may_be_whole: bool = False) -> Lock:
        """Return all as a lock: sorted, each package once.

        Args:
            tells_needs: Whether the file says what its packages need.
            partial: Why it may not name all that is installed, and what to do.
            may_be_whole: Whether it may name all the same.
        """
        together: dict[tuple[str, str, str, str], list[LockedPackage]] = {}
        for one in self.packages:
            together.setdefault((one.ecosystem, one.name, one.version, one.address), []).append(one)
        for text in self._lacking.values():
            self.report(text)
        reports = list(dict.fromkeys(self._reports))
        if len(reports) > _MOST_REPORTS:
            reports[_MOST_REPORTS:] = [f"{len(reports) - _MOST_REPORTS} more"]
        packages = tuple(self._marked(_one(group)) for _, group in sorted(together.items()))
        if self._lacking:
            lacking = number_of(len(self._lacking), "package")
            partial = f"it has no entry for {lacking} that others in it need, and may be cut off or merged by halves: have its own tool write it anew"
        return Lock(
            form=self.form, packages=packages, unreadable=tuple(reports), tells_needs=tells_needs,
            partial=partial if packages or reports else "", may_be_whole=may_be_whole, lacking=len(self._lacking),
        )  # fmt: skip

    def _marked(self, one: LockedPackage) -> LockedPackage:
        is_asked = one.name in self._asked or (one.name, one.version) in self._asked
        return msgspec.structs.replace(one, direct=True) if is_asked else one


def _one(group: list[LockedPackage]) -> LockedPackage:
    """Return entries of the same package as one; what comes from the registry counts before what does not."""
    if len(group) == 1:
        return group[0]
    source = min(one.source for one in group)
    hashes: dict[str, list[str]] = {}
    for one in group:
        for algorithm, digits in one.hashes.items() if one.source == source else ():
            hashes.setdefault(algorithm, []).extend(digits)
    return msgspec.structs.replace(
        group[0],
        hashes={algorithm: tuple(sorted(set(all_digits))) for algorithm, all_digits in hashes.items()},
        needs=tuple(sorted({name for one in group for name in one.needs})),
        needed_versions=_joined_versions(group),
        development=all(one.development for one in group),
        optional=all(one.optional for one in group),
        source=source,
        licence=next((one.licence for one in group if one.licence), ""),
        packed=_packed([one.packed for one in group]),
    )


def _joined_versions(group: list[LockedPackage]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for one in group:
        for name, versions in one.needed_versions.items():
            found.setdefault(name, set()).update(versions)
    return {name: tuple(sorted(versions)) for name, versions in found.items()}


def _packed(said: list[Packed | None]) -> Packed | None:
    """Return what there is to say of a package that is there several times, such as for two architectures."""
    first = said[0]
    if first is None or all(one == first for one in said):
        return first
    others = [one for one in said if one is not None]
    same = all(one.architecture == first.architecture for one in others)
    names = tuple(dict.fromkeys(name for one in others for name in one.names))
    return msgspec.structs.replace(first, names=names, architecture=first.architecture if same else "")


def table_of(value: Any) -> dict[str, Any]:
    """Return an entry, which must be a mapping with text as keys.

    Raises:
        UnusableEntry: It is something else.
    """
    if not isinstance(value, dict):
        raise UnusableEntry(f"{type(value).__name__} where a mapping should be")
    return value


def text_at(entry: Mapping[str, Any], name: str) -> str:
    """Return the text at a name of an entry.

    Raises:
        UnusableEntry: There is none.
    """
    text = optional_text(entry, name)
    if not text:
        raise UnusableEntry(f"it has no {name}")
    return text


def optional_text(entry: Mapping[str, Any], name: str) -> str:
    """Return the text at a name of an entry; it is empty where there is none.

    Raises:
        UnusableEntry: Something else is there.
    """
    found = entry.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise UnusableEntry(f"{name} is {type(found).__name__} and not text")
    return found


def table_at(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the mapping at a name of an entry; it is empty where there is none.

    Raises:
        UnusableEntry: Something else is there.
    """
    found = entry.get(name)
    return {} if found is None or found == "" else table_of(found)


def list_at(entry: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list at a name of an entry; it is empty where there is none.

    Raises:
        UnusableEntry: Something else is there.
    """
    found = entry.get(name)
    if found is None or found == "":
        return []
    if not isinstance(found, list):
        raise UnusableEntry(f"{name} is {type(found).__name__} and not a list")
    return found


def texts_at(entry: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of the list at a name of an entry; it is empty where there is none.

    Raises:
        UnusableEntry: Something else is there.
    """
    found = list_at(entry, name)
    if not all(isinstance(one, str) for one in found):
        raise UnusableEntry(f"{name} has something else than text")
    return found


def reached(starts: Iterable[str], needs: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names that can be reached.

    Args:
        starts: Names to begin with.
        needs: By name, the names that it needs.
    """
    found = set(starts)
    left = list(found)
    while left:
        for name in needs.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    return found
