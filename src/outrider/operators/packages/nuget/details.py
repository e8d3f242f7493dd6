"""What is asked of NuGet besides packages."""

from collections.abc import Mapping, Sequence

from outrider.operators.packages.resolving.questions import Details


class NugetDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        projects: Projects that lie here and are needed, by name: names of packages and of such projects that each needs, with ranges.
        private: What each needs for itself alone, likewise.
        needed: Names of those that whoever asks needs itself.
        pinned: Ranges by name in small letters, for packages that others need: they count as though whoever asks said them.
    """

    projects: Mapping[str, Sequence[tuple[str, str]]] = {}
    private: Mapping[str, Sequence[tuple[str, str]]] = {}
    needed: Sequence[str] = ()
    pinned: Mapping[str, str] = {}
