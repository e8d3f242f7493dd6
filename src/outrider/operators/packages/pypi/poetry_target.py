"""All machines and Pythons: what Poetry reads a version by."""

from collections.abc import Iterable, Sequence

import msgspec

from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.records import PypiRecord


class PoetryTarget(msgspec.Struct, frozen=True):
    """Any wheel may be looked at; what a version needs and where it runs is judged elsewhere.

    Attributes:
        python: Of the project.
    """

    python: str

    def rank(self, tags: str) -> int | None:
        """Return the place of tags in the order of `_get_info_from_links`, `poetry/repositories/http_repository.py` of Poetry 2.5."""
        language, _, rest = tags.partition("-")
        if rest != "none-any":
            return 3
        return {"py2.py3": 0, "py2": 2}.get(language, 1)

    def allows(self, python: str) -> bool:
        del python
        return True

    def choices(self, needs: Sequence[Need]) -> Iterable[Sequence[Need]]:
        return ([need] for need in needs)

    def out_of_place(self, record: PypiRecord) -> Iterable[tuple[int, int]]:
        del record
        return ()

    def holds(self, marker: str, extra: str) -> bool:
        del marker, extra
        return True
