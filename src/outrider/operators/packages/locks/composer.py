"""composer.lock: https://getcomposer.org/doc/01-basic-usage.md#commit-your-composer-lock-file-to-version-control."""

from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, optional_text, table_at, table_of, text_at
from outrider.operators.packages.locks.hashes import collected
from outrider.operators.packages.locks.licence_texts import licence_text
from outrider.operators.packages.locks.lock import Lock

FORM = "composer.lock"


def read(text: str) -> Lock:
    """Return the packages of a file.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_json(FORM, text)
    findings = Findings(FORM, "composer")
    for section in ("packages", "packages-dev"):
        for number, entry in enumerate(findings.rows(document, section), 1):
            with findings.entry(f"{section}[{number}]"):
                name = text_at(table_of(entry), "name").lower()
                with findings.entry(name):
                    add_package(findings, name, entry, is_development=section == "packages-dev")
    return findings.lock()


def add_package(findings: Findings, name: str, entry: dict[str, Any], *, is_development: bool) -> None:
    """Add the package that an entry is of, of a lock or of what is installed.

    Raises:
        UnusableEntry: Something of it is not what it should be.
    """
    dist = table_at(entry, "dist")
    kind = optional_text(dist, "type")
    # Packages of a registry have an archive; one that has only a repository is from there.
    source = "path" if kind == "path" else "" if dist else optional_text(table_at(entry, "source"), "type")
    shasum = optional_text(dist, "shasum")
    findings.add(
        name, text_at(entry, "version"), source=source, development=is_development,
        hashes=lambda: collected([("sha1", shasum)]) if shasum else {}, licence=licence_text(entry.get("license")),
        # Names without a slash are PHP and its extensions.
        needs=[one.lower() for one in table_at(entry, "require") if "/" in one],
    )  # fmt: skip
