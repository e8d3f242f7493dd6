"""requirements.txt as pip reads it: https://pip.pypa.io/en/stable/reference/requirements-file-format/.

Only what is pinned with `==` says what is installed; all else is reported.
"""

import re
from collections.abc import Iterator

from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.hashes import prefixed
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.pypi.pages import normalised

FORM = "requirements.txt"
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*+)\s*+(?:\[[^\]]*+\]\s*+)?(?P<open>\(\s*+)?={2,3}\s*+(?P<version>[^\s,;*()]++)\s*+(?(open)\))"
)
_OPTION = re.compile(r"\s--?[A-Za-z]")
_HASH = re.compile(r"--hash(?:=|\s++)(\S++)")
_TOLD = ("-r", "--requirement", "-e", "--editable")


def read(text: str) -> Lock:
    """Return the pins of a file.

    Raises:
        InvalidConfigError: It is too large, or no text.
    """
    findings = Findings(FORM, "pypi")
    if not text.strip():
        findings.report("it is empty")
    for number, line in _lines(checked(FORM, text)):
        with findings.entry(f"line {number}"):
            _take(findings, line)
    return findings.lock()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines with the number of their first one: a backslash joins, and a comment ends what it joins."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            first = number
        is_joined = line.endswith("\\") and not line.lstrip().startswith("#")
        parts.append(line[:-1] if is_joined else f" {line}")
        if not is_joined:
            yield first, "".join(parts)
            parts = []
    if parts:
        yield first, "".join(parts)


def _take(findings: Findings, line: str) -> None:
    line = _COMMENT.sub("", line).strip()
    if line.startswith("-"):
        option = re.split(r"[\s=]", line, maxsplit=1)[0]
        # pip takes the value of a short option without a blank too.
        if option.startswith(("-r", "-e")) or option in _TOLD:
            raise UnusableEntry(f"{line} is not followed")
        return
    if not line:
        return
    option = _OPTION.search(line)
    requirement = (line[: option.start()] if option else line).partition(";")[0].strip()
    pin = _PIN.fullmatch(requirement)
    if pin is None:
        raise UnusableEntry(f"{requirement} is not pinned with ==")
    findings.add(normalised(pin["name"]), pin["version"], hashes=lambda: prefixed(_HASH.findall(line)))
