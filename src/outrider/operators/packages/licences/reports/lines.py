"""Licences as people read them on a terminal."""

from collections.abc import Iterable, Mapping, Sequence

from outrider.operators.packages.licences.reports.rows import LicenceFinding
from outrider.operators.packages.texts import number_of

_SHOWN = 100


def lines(
    total: int, counts: Mapping[str, int], findings: Sequence[LicenceFinding], warnings: Sequence[str]
) -> Iterable[str]:
    """Yield the lines of a report.

    Args:
        total: How many packages there are.
        counts: How many have which licence.
        findings: The worst first.
        warnings: Why this may not be all.
    """
    for text in warnings:
        yield f"warning: {text}"
    yield f"{number_of(total, 'package')}, {number_of(len(findings), 'finding')}"
    width = max((len(_shown(licence)) for licence in counts), default=0)
    for licence, count in counts.items():
        yield f"  {_shown(licence):<{width}}  {count}"
    for one in findings:
        licence = " ".join(one.licence.split())[:_SHOWN]
        yield f"{one.kind.upper():<8} {one.package} {one.version}  {licence + '  ' if licence and licence not in one.why else ''}{one.why}"


def _shown(licence: str) -> str:
    text = licence or "not known"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
