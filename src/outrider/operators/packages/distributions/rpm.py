"""What RPM has installed, from headers of its database.

Red Hat advises by packages and by source packages, AlmaLinux by packages though OSV says otherwise, others by source packages: both names
count. The file of the source package has its version, but for the epoch: what was made of it has the same, unless it has a version of
its own, as many modules of Perl have.
"""

import re
from collections.abc import Iterable

from outrider.operators.packages.distributions.packages import add_package
from outrider.operators.packages.distributions.releases import Release
from outrider.operators.packages.distributions.rpm_headers import read_header
from outrider.operators.packages.locks.entries import Findings
from outrider.operators.packages.locks.lock import Lock

FORM = "rpm database"
_SOURCE = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")
# Keys that signatures are checked with are kept as if they were packages.
_KEYS = "gpg-pubkey"


def read(blobs: Iterable[bytes], release: Release) -> Lock:
    """Return what is installed.

    Args:
        blobs: A header each.
        release: Of the distribution.
    """
    findings = Findings(FORM, "rpm")
    headers = []
    for number, blob in enumerate(blobs, 1):
        with findings.entry(f"package {number}"):
            headers.append(read_header(blob))
    # Of one source, any package in its version tells the epoch.
    sources = {one.source: source_of(one.source, one.full_version) for one in headers}
    sources |= {
        one.source: found
        for one in headers
        if (found := source_of(one.source, one.full_version)) and found[0][1] == one.full_version
    }
    for one in headers:
        if one.name != _KEYS:
            with findings.entry(one.name):
                named = (one.name, one.full_version)
                names = [*sources[one.source], named]
                add_package(findings, release, named, names=names, architecture=one.architecture)
    return findings.lock()


def source_of(file: str, version: str) -> list[tuple[str, str]]:
    """Return the name and the version of a source package; nothing where its file is not told.

    Where the file does not have the epoch, it is that of the package in the same version; of one in another version it is not known,
    and is none: what is affected may be told too often then, and not too seldom.

    Args:
        file: Of it, such as `bash-5.1.8-6.el9.src.rpm`; the version may have an epoch.
        version: Of the package that was made of it, with its epoch.
    """
    match = _SOURCE.fullmatch(file)
    if match is None:
        return []
    same = match[2] == version.rpartition(":")[2]
    return [(match[1], version if same else match[2].removeprefix("0:"))]
