"""What is asked of Python indexes besides packages, for locks of projects."""

from collections.abc import Mapping, Sequence
from typing import Any

from outrider.operators.packages.resolving.questions import Details


class PypiDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        pythons: For which range of versions of Python, on any machine; empty for one version on this one.
        lists: Numbers of packages that one list of a project names, where it has several.
        kinds: Markers of machines that a lock tells apart.
        project: Of Poetry: the `pyproject.toml` whose lock is asked for; of Pipenv, the Pipfile.
        categories: Of Pipenv: what a lock has in each category by name; empty where there is none.
    """

    pythons: str = ""
    lists: Sequence[Sequence[int]] = ()
    kinds: Sequence[str] = ()
    project: Mapping[str, Any] = {}
    categories: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
