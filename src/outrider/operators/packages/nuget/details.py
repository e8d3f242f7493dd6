"""What is asked of NuGet besides packages."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from outrider.operators.packages.resolving.questions import Details

_FRAMEWORKS_END = ": "


class NugetTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target framework with what is asked for it besides packages.

    Attributes:
        framework: As it is written; empty for the one that the question names.
        projects: Projects that lie here and are needed, by name: names of packages and of such projects that each needs, with ranges.
        private: What each needs for itself alone, likewise.
        needed: Names of those that whoever asks needs itself.
        pinned: Ranges by name in small letters, for packages that others need: they count as though whoever asks said them.
    """

    framework: str = ""
    projects: Mapping[str, Sequence[tuple[str, str]]] = {}
    private: Mapping[str, Sequence[tuple[str, str]]] = {}
    needed: Sequence[str] = ()
    pinned: Mapping[str, str] = {}


class NugetDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        targets: The frameworks that an answer is asked for; packages of the answer have them as their places.
    """

    targets: Sequence[NugetTarget] = ()


def for_frameworks(frameworks: Collection[str], text: str) -> str:
    """Return what is asked for some of several frameworks, as a question has it."""
    return f"{';'.join(frameworks)}{_FRAMEWORKS_END}{text}"


def is_for(framework: str, text: str) -> bool:
    """Return whether what a question has is asked for a framework."""
    frameworks, mark, _ = text.partition(_FRAMEWORKS_END)
    return not mark or framework in frameworks.split(";")


def without_frameworks(text: str) -> str:
    """Return what is asked for, whatever for."""
    frameworks, mark, rest = text.partition(_FRAMEWORKS_END)
    return rest if mark else frameworks
