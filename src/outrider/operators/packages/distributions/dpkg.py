"""What dpkg has installed: var/lib/dpkg/status, and files of the same form in status.d, which images without dpkg have.

deb-control(5) and dpkg(1). Debian and Ubuntu advise by source package: the field Source has its name where it is another one, and its
version where that is.
"""

import re
from collections.abc import Iterable, Iterator

from outrider.operators.packages.distributions.packages import add_package
from outrider.operators.packages.distributions.releases import Release
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import Lock

FORM = "dpkg status"
_WANTED = frozenset({"Package", "Status", "Architecture", "Version", "Source", "Built-Using"})
# Of what is gone, settings may be left.
_GONE = ("not-installed", "config-files")
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?")
_BUILT_USING = re.compile(r"(\S+)\s+\(=\s*(\S+)\)")
# Sources of which only signatures are made anew: what advisories name is what they sign.
_SIGNED = re.compile(r".*-signed(?:-.*)?")


def read(contents: Iterable[bytes], release: Release) -> Lock:
    """Return what is installed.

    Args:
        contents: Of the files.
        release: Of the distribution.
    """
    findings = Findings(FORM, "deb")
    for content in contents:
        for fields in _paragraphs(content.decode("utf-8", "replace")):
            with findings.entry(fields.get("Package", "a package")):
                if fields.get("Status", "installed").split()[-1:] not in ([one] for one in _GONE):
                    _add(findings, fields, release)
    return findings.lock()


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.strip():
            if fields:
                yield fields
            fields = {}
            continue
        name, colon, value = line.partition(":")
        # What goes on in the next line begins with a blank.
        if colon and name in _WANTED:
            fields[name] = value.strip()
    if fields:
        yield fields


def _add(findings: Findings, fields: dict[str, str], release: Release) -> None:
    name, version = fields.get("Package", ""), fields.get("Version", "")
    source = _SOURCE.fullmatch(fields.get("Source", name))
    if source is None:
        raise UnusableEntry(f"Source is {fields.get('Source', '')!r}")
    names = [(source[1], source[2] or version)]
    if _SIGNED.fullmatch(source[1]):
        names = [*_BUILT_USING.findall(fields.get("Built-Using", "")), *names]
    add_package(findings, release, (name, version), names=names, architecture=fields.get("Architecture", ""))
