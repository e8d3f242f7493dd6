"""What a package of npm says of itself where it is installed: https://docs.npmjs.com/cli/configuring-npm/package-json."""

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, text_at
from outrider.operators.packages.locks.licence_texts import licence_text


def read(text: str, findings: Findings) -> None:
    """Take the package that a package.json is of.

    Raises:
        UnusableEntry: It does not say which.
        InvalidConfigError: It is no JSON.
    """
    package = read_json(findings.form, text)
    licence = package.get("license") or package.get("licenses")
    findings.add(text_at(package, "name"), text_at(package, "version"), licence=licence_text(licence))
