"""Licences as a page: one file that needs nothing else, and can be read without colours, without a mouse and by screen readers."""

from collections.abc import Iterable
from html import escape

from outrider.operators.packages.licences.reports.rows import LicenceFinding, LicenceReport, LicensedPackage
from outrider.operators.packages.texts import flattened, number_of

_UNKNOWN = "not known"
_META = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
# The contrast of all of these is above 7:1 (WCAG 2.2, level AAA), in light and in dark.
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1a1a1a; background: #fff; }
a { color: #003f8a; }
h1, p { overflow-wrap: anywhere; }
a:focus-visible, .wide:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { border-bottom: 1px solid #767676; padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; min-width: 5.5rem; }
thead th { border-bottom-width: 2px; overflow-wrap: normal; }
tbody th { font-weight: normal; }
th:last-child, td:last-child { min-width: 12rem; }
.wide { overflow-x: auto; }
.denied, .unknown, .waiver { font-weight: bold; }
@media (prefers-color-scheme: dark) { body { color: #f0f0f0; background: #121212; } a { color: #9cc9ff; } }
@media print { body { margin: 0; max-width: none; } .skip { display: none; } }
"""


def page(report: LicenceReport) -> str:
    """Return a report in HTML."""
    title = f"Licences of {flattened(report.title)}"
    return "\n".join([
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        _META,
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#packages">To all packages</a>',
        f"<header><h1>{escape(title)}</h1>",
        f"<p>{number_of(len(report.packages), 'package')}, {number_of(len(report.findings), 'finding')}. Made <time>{escape(report.created)}</time>.</p></header>",
        "<main>",
        *_warnings(report.warnings),
        *_findings(report.findings),
        *_counts(report.counts),
        *_packages(report.packages),
        "</main>",
        "</body>",
        "</html>",
    ]) + "\n"  # fmt: skip


def _warnings(warnings: list[str]) -> Iterable[str]:
    if warnings:
        yield '<section aria-labelledby="warnings"><h2 id="warnings">Why this may not be all</h2><ul>'
        yield from (f"<li>{escape(flattened(text))}</li>" for text in warnings)
        yield "</ul></section>"


def _findings(findings: list[LicenceFinding]) -> Iterable[str]:
    yield '<section aria-labelledby="findings"><h2 id="findings">Findings</h2>'
    if findings:
        rows = [[one.kind, one.package, one.version, one.licence or _UNKNOWN, one.why] for one in findings]
        yield from _table(
            "What wants doing, the worst first", ["Finding", "Package", "Version", "Licence", "Why"], rows
        )
    else:
        yield "<p>None: every package is allowed.</p>"
    yield "</section>"


def _counts(counts: dict[str, int]) -> Iterable[str]:
    yield '<section aria-labelledby="counts"><h2 id="counts">Licences</h2>'
    rows = [[licence or _UNKNOWN, str(count)] for licence, count in counts.items()]
    yield from _table("How many packages have which licence", ["Licence", "Packages"], rows)
    yield "</section>"


def _packages(packages: list[LicensedPackage]) -> Iterable[str]:
    yield '<section aria-labelledby="packages"><h2 id="packages">Packages</h2>'
    columns = ["Package", "Version", "Ecosystem", "Licence", "Written as", "Told by", "Verdict", "Why"]
    rows = [
        [
            one.name, one.version, one.ecosystem, f"{one.expression} (guessed)" if one.guessed else one.expression or _UNKNOWN,
            one.raw, one.origin or "nobody", one.verdict, one.why,
        ]
        for one in packages
    ]  # fmt: skip
    yield from _table("Every package with its licence", columns, rows)
    yield "</section>"


def _table(caption: str, columns: list[str], rows: list[list[str]]) -> Iterable[str]:
    # Who has no mouse scrolls what has the focus.
    yield f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}"><table><caption>{escape(caption)}</caption>'
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in columns)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for first, *others in rows:
        emphasis = f' class="{first}"' if first in ("denied", "unknown", "waiver") else ""
        cells = "".join(f"<td>{escape(flattened(one))}</td>" for one in others)
        yield f'<tr><th scope="row"{emphasis}>{escape(flattened(first))}</th>{cells}</tr>'
    yield "</tbody></table></div>"
