"""Licences as comma-separated values (RFC 4180, with plain line ends), which a spreadsheet takes for text and never for a formula."""

import csv
import io
from collections.abc import Iterable

from outrider.operators.packages.licences.reports.rows import LicensedPackage
from outrider.operators.packages.texts import flattened

_COLUMNS = ("ecosystem", "name", "version", "licence", "guessed", "written", "told by", "verdict", "why", "files")
# With these a formula begins: https://owasp.org/www-community/attacks/CSV_Injection.
_FORMULA = ("=", "+", "-", "@")


def comma_separated(packages: Iterable[LicensedPackage]) -> str:
    """Return a table with one row for each package."""
    output = io.StringIO()
    writer = csv.writer(output, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in packages:
        row = (
            one.ecosystem, one.name, one.version, one.expression, "yes" if one.guessed else "no", one.raw, one.origin, one.verdict,
            one.why, " ".join(one.files),
        )  # fmt: skip
        writer.writerow([_safe(text) for text in row])
    return output.getvalue()


def _safe(text: str) -> str:
    """Return a text on one line, with a quote before it where it would be a formula."""
    flat = flattened(text)
    return f"'{flat}" if flat.startswith(_FORMULA) else flat
