"""What a question asks of PyPI, read."""

from collections.abc import Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.resolving.questions import Question

_SHOWN = 80


def asked_of(question: Question) -> list[Need]:
    """Return what is asked for.

    Raises:
        InvalidConfigError: A package is not written as Python writes it.
    """
    return read_needs(question.packages, "packages", with_markers=bool(PypiDetails.of(question).pythons))


def read_needs(texts: Sequence[str], where: str, *, with_markers: bool) -> list[Need]:
    """Return what some texts say.

    Args:
        texts: Requirements.
        where: What has them, for errors.
        with_markers: Whether they may be for some machines alone.

    Raises:
        InvalidConfigError: One is not written as Python writes it.
    """
    return [_read(f"{where}[{index}]", text, with_markers=with_markers) for index, text in enumerate(texts)]


def _read(where: str, text: str, *, with_markers: bool) -> Need:
    need = read_need(text)
    if not need or (need[0].marker and not with_markers) or "@" in need[0].range:
        raise InvalidConfigError(
            f"{where}: {text[:_SHOWN]!r} is not a package of PyPI", path=where, found=text[:_SHOWN],
            expected="NAME, NAME>=1,<2 or NAME[EXTRA]", suggestions=[_remedy(text, need)],
        )  # fmt: skip
    return need[0]


def _remedy(text: str, need: Sequence[Need]) -> str:
    """Return what to do about what is no package of an index."""
    if not text.strip():
        return "name a package"
    if "/" in text or (need and "@" in need[0].range):
        return "name a package of an index: what comes from a path or an address has no versions to choose from"
    if need:
        return "leave out what stands after the semicolon: for which Python to choose is said apart, such as with --python 3.12"
    return "quote it for your shell, to which < and > mean something"
