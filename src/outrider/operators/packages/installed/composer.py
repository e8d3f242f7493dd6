"""What Composer has put into a vendor folder: https://getcomposer.org/doc/07-runtime.md#installed-versions."""

from outrider.operators.packages.locks.composer import add_package
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, table_of, text_at


def read(text: str, findings: Findings) -> None:
    """Take the packages of an installed.json.

    Raises:
        InvalidConfigError: It is none.
    """
    # Version 1 of Composer has the list alone.
    document = read_json(findings.form, f'{{"packages": {text}}}' if text.lstrip().startswith("[") else text)
    for_development = frozenset(one for one in findings.rows(document, "dev-package-names") if isinstance(one, str))
    for number, entry in enumerate(findings.rows(document, "packages"), 1):
        with findings.entry(f"packages[{number}]"):
            name = text_at(table_of(entry), "name")
            add_package(findings, name.lower(), entry, is_development=name in for_development)
