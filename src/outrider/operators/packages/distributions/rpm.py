"""What RPM has installed, from headers of its database.

Red Hat advises by packages and by source packages, AlmaLinux by packages though OSV says otherwise, others by source packages: both names
count. The file of the source package has its version, but for the epoch, which is that of the package.
"""

import re
from collections.abc import Iterable

from outrider.operators.packages.distributions.packages import add_package
from outrider.operators.packages.distributions.releases import Release
from outrider.operators.packages.distributions.rpm_headers import Header, read_header
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
    for number, blob in enumerate(blobs, 1):
        with findings.entry(f"package {number}"):
            header = read_header(blob)
            if header.name != _KEYS:
                with findings.entry(header.name):
                    _add(findings, header, release)
    return findings.lock()


def _add(findings: Findings, header: Header, release: Release) -> None:
    named = (header.name, header.full_version)
    names = [*source_of(header.source, header.epoch), named]
    add_package(findings, release, named, names=names, architecture=header.architecture)


def source_of(file: str, epoch: str) -> list[tuple[str, str]]:
    """Return the name and the version of a source package; nothing where its file is not told.

    Args:
        file: Of it, such as `bash-5.1.8-6.el9.src.rpm`.
        epoch: Of the package that was made of it, as digits; may be empty.
    """
    match = _SOURCE.fullmatch(file)
    return [] if match is None else [(match[1], f"{f'{epoch}:' if epoch not in ('', '0') else ''}{match[2]}")]
