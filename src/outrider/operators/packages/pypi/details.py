"""What is asked of Python indexes besides packages, for locks of projects."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from outrider.operators.packages.resolving.questions import Details


class LocalProject(msgspec.Struct, frozen=True, kw_only=True):
    """A project that lies here.

    Attributes:
        name: Normalised.
        version: Of it.
        python: On which versions of Python it runs; empty where it does not say.
        needs: Numbers of packages that it needs, each with the extra that it is of, and the marker of the machines; empty for none.
        is_member: Whether it is there by itself, and the lists have what it needs; others are where something needs them.
        place: Where it lies, as `PackageIndex` has it: it is meant where that is named.
        wheel: The name of the wheel that it is; empty where it is none.
        url: The address by which others may ask for it; empty where there is none.
    """

    name: str
    version: str
    python: str
    needs: Sequence[tuple[str, int, str]]
    is_member: bool
    place: str
    wheel: str = ""
    url: str = ""


class PackageIndex(msgspec.Struct, frozen=True, kw_only=True):
    """An index that alone is asked for a package, or a folder that it lies in.

    Attributes:
        name: Of the package, normalised.
        url: The address of the index; empty for those of the settings.
        marker: On which machines; empty for all.
        place: Where it lies, in place of an address; empty where it does not lie here.
    """

    name: str
    url: str
    marker: str = ""
    place: str = ""


class LockedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a lock has of a package.

    Attributes:
        name: Of the package, normalised.
        version: Of it.
        url: The address of the index that has it, as that of a `PackageIndex` where it is one.
        markers: Of the kinds of machines that it is for; none for all.
    """

    name: str
    version: str
    url: str
    markers: Sequence[str] = ()


class PypiDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        pythons: For which range of versions of Python, on any machine; empty for one version on this one.
        lists: Numbers of packages that one list of a project names, where it has several, each with the marker of the machines that it
            names it for; empty for all that the package itself says. That of the whole first.
        kinds: Markers of machines that a lock tells apart.
        local: Projects that lie here; no index is asked for them.
        constraints: Further ranges of whatever needs these packages.
        overrides: What counts in place of all that is said of these packages.
        index: The address of the index that is asked for all others; empty for those of the settings.
        indexes: That alone are asked for single packages.
        locked: What a lock has, by which those are told apart that are tried before all others.
        project: Of Poetry: the `pyproject.toml` whose lock is asked for; of Pipenv, the Pipfile.
        lock: Of Poetry: the lock whose versions are tried first; an empty one where there is none.
        categories: Of Pipenv: what a lock has in each category by name; empty where there is none.
    """

    pythons: str = ""
    lists: Sequence[Sequence[tuple[int, str]]] = ()
    kinds: Sequence[str] = ()
    local: Sequence[LocalProject] = ()
    constraints: Sequence[str] = ()
    overrides: Sequence[str] = ()
    index: str = ""
    indexes: Sequence[PackageIndex] = ()
    locked: Sequence[LockedVersion] = ()
    project: Mapping[str, Any] = {}
    lock: Mapping[str, Any] = {}
    categories: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
