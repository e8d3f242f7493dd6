"""What a program of .NET is made of: NAME.deps.json, which stands beside it.

https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md.
"""

from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, UnusableEntry, optional_text, table_at, table_of

# What a program that needs no runtime of the system brings is written with this before its name.
_RUNTIME = "runtimepack."


def read(text: str, findings: Findings) -> None:
    """Take the packages of a deps.json, those of all its targets.

    Raises:
        InvalidConfigError: It is none.
    """
    document = read_json(findings.form, text)
    targets = findings.section(document, "targets")
    needs: dict[str, set[str]] = {}
    for target in targets:
        for key, entry in findings.section(targets, target).items():
            with findings.entry(f"{target}: {key}"):
                needs.setdefault(key, set()).update(map(str.lower, table_at(table_of(entry), "dependencies")))
    for key, entry in findings.section(document, "libraries").items():
        with findings.entry(key):
            _take(findings, key, table_of(entry), needs.get(key, set()))


def _take(findings: Findings, key: str, entry: dict[str, Any], needs: set[str]) -> None:
    kind = optional_text(entry, "type").lower()
    name, slash, version = key.partition("/")
    if kind not in ("package", "runtimepack"):
        return
    if not slash:
        raise UnusableEntry("it is no NAME/VERSION")
    findings.add(name.lower().removeprefix(_RUNTIME if kind == "runtimepack" else ""), version, needs=needs)
