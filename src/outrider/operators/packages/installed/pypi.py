"""What a distribution of Python says of itself where it is installed: https://packaging.python.org/specifications/core-metadata/."""

import re
from email.parser import HeaderParser

from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.pypi.core_metadata import told_licence
from outrider.operators.packages.pypi.pages import normalised

# https://packaging.python.org/specifications/name-normalization/#name-format.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def read(text: str, findings: Findings) -> None:
    """Take the distribution that METADATA or PKG-INFO is of.

    Raises:
        UnusableEntry: It does not say which.
    """
    metadata = HeaderParser().parsestr(text.replace("\r\n", "\n").partition("\n\n")[0])
    name, version = (str(metadata.get(field, "")).strip() for field in ("Name", "Version"))
    if _NAME.fullmatch(name) is None:
        raise UnusableEntry(f"Name is {name[:100]!r}")
    licences = (
        [str(one).strip() for one in metadata.get_all(field, [])]
        for field in ("License-Expression", "License", "Classifier")
    )
    findings.add(normalised(name), version, licence=told_licence(*licences))
