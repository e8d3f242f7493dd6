"""The matrix of levels for people; the one in the documentation is made from it."""

from collections.abc import Sequence

from outrider.runtime.sandbox.model import Level
from outrider.runtime.sandbox.report import Attempt, ProbeReport


def matrix(reports: Sequence[ProbeReport]) -> str:
    """Return a table in Markdown: attempts down, levels across."""
    rows: dict[tuple[str, str], dict[str, Attempt]] = {}
    for report in reports:
        for attempt in report.attempts:
            rows.setdefault((attempt.kind, attempt.name), {})[report.level] = attempt
    levels = [report.level for report in reports]
    lines = [f"| attempt | {' | '.join(levels)} |", f"|---|{'---|' * len(levels)}"]
    for (kind, name), found in rows.items():
        cells = [_cell(found.get(level), kind) for level in levels]
        lines.append(f"| {name}{' (must work)' if kind == 'needed' else ''} | {' | '.join(cells)} |")
    lines += ["", *(_summary(report) for report in reports)]
    return "\n".join(lines) + "\n"


def _cell(attempt: Attempt | None, kind: str) -> str:
    if attempt is None:
        return "the kernel does not hold it" if kind == "limit" else "not tried"
    word = "yes" if attempt.succeeded else "no"
    return f"{word} ({attempt.detail})" if attempt.detail else word


def _summary(report: ProbeReport) -> str:
    watched = report.machine.watched(Level.named(report.level))
    held = ", ".join(f"{name} (watched)" if name in watched else name for name, holds in report.limits.items() if holds)
    verdict = "usable" if report.usable else f"not usable: {report.reason}; {report.remedy}"
    if report.level == Level.NONE.label:
        verdict = "confines nothing"
    return f"- {report.level}: {verdict}. Enforced limits: {held}. Probe: {report.milliseconds:.0f} ms."
