"""What is asked of Python indexes besides packages, for locks that serve all machines."""

from collections.abc import Mapping, Sequence
from typing import Any

from outrider.operators.packages.resolving.questions import Details


class PypiDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        pythons: For which range of versions of Python, on any machine; empty for one version on this one.
        lists: Numbers of packages that one list of a project names, where it has several.
        kinds: Markers of machines that a lock tells apart.
        project: Of Poetry: the `pyproject.toml` whose lock is asked for.
    """

    pythons: str = ""
    lists: Sequence[Sequence[int]] = ()
    kinds: Sequence[str] = ()
    project: Mapping[str, Any] = {}
