"""What a release of a Python project says of itself: core metadata (PEP 566 and later), with its requirements taken apart."""

import re
from collections.abc import Iterable
from itertools import islice

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.pypi.pages import normalised

_LONGEST_LICENCE = 200
_LONGEST_NEED = 8192
# One more than of which anything is made.
_MOST_CLASSIFIERS = 51
_CLASSIFIER = "License :: "
# These say of themselves that they name no licence.
_GROUPS = ("License :: OSI Approved", "License :: DFSG approved")
# What setuptools writes where nothing is said.
_NOTHING = "UNKNOWN"
_SHOWN = 80
_LINE_END = re.compile(r"\r\n|\r|\n")


class Need(msgspec.Struct, array_like=True, frozen=True):
    """One requirement (PEP 508).

    Attributes:
        name: The project, normalised.
        extras: That are asked of it, normalised.
        range: Its specifier.
        marker: When it counts; empty for always.
        only: The one extra with which it counts, where its marker says nothing else.
    """

    name: str
    extras: tuple[str, ...] = ()
    range: str = ""
    marker: str = ""
    only: str = ""

    def text(self) -> str:
        """Return it as it is written."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        # An address ends with a space alone.
        end = " ; " if "@" in self.range else "; "
        return f"{self.name}{extras}{self.range}{end + self.marker if self.marker else ''}"

    def on(self, marker: str) -> "Need":
        """Return what is needed where another marker is true too; an empty one always is."""
        if not marker or not self.marker:
            return msgspec.structs.replace(self, marker=marker or self.marker)
        return msgspec.structs.replace(self, marker=f"({self.marker}) and ({marker})", only="")

    def with_extra(self, extra: str) -> "Need":
        """Return what is needed with an extra of a project, or anyway where it is empty, as core metadata have it."""
        if not extra:
            return self
        if not self.marker:
            return msgspec.structs.replace(self, marker=f'extra == "{extra}"', only=extra)
        return msgspec.structs.replace(self, marker=f'({self.marker}) and extra == "{extra}"')


class Metadata(msgspec.Struct, array_like=True, omit_defaults=True):
    """What a release says of itself.

    Attributes:
        needs: What it needs, for any machine and with any extra.
        extras: That it has, normalised.
        python: What `Requires-Python` says.
        licence: As `told_licence` has it.
        summary: One line about it.
        requires: What it needs, as it is written.
    """

    needs: list[Need] = []
    extras: list[str] = []
    python: str = ""
    licence: str = ""
    summary: str = ""
    requires: list[str] = []


def read_metadata(text: str) -> Metadata:
    """Read the head of METADATA or PKG-INFO; requirements that cannot be read are left out, as by pip.

    Raises:
        ExecutionFailedError: It is neither, such as a page that asks for a password.
    """
    found, known = Metadata(needs=[], extras=[], requires=[]), False
    licences: dict[str, list[str]] = {"license-expression": [], "license": [], "classifier": []}
    # Of all that ends lines elsewhere, only these do so here (RFC 5322).
    for line in _LINE_END.split(text):
        if not line:
            break
        name, colon, value = line.partition(":")
        value = value.strip()
        match name.lower() if colon else "":
            case "metadata-version":
                known = True
            case "requires-dist":
                found.needs += read_need(value)
                found.requires.append(value)
            case "summary":
                found.summary = line.partition(":")[2].lstrip(" \t")
            case "provides-extra":
                found.extras.append(normalised(value))
            case "requires-python":
                found.python = value
            case "license-expression" | "license" | "classifier" as field:
                licences[field].append(value)
    found.licence = told_licence(*licences.values())
    if not known:
        raise ExecutionFailedError(
            "what should be metadata of a release is none", found=text[:_SHOWN], expected="Metadata-Version and other fields",
            suggestions=["ask for another version"],
        )  # fmt: skip
    return found


def told_licence(expressions: Iterable[str], fields: Iterable[str], classifiers: Iterable[str]) -> str:
    """Return the licence of a release, as it is written: the expression (PEP 639), else the field, else what classifiers name.

    Args:
        expressions: Of License-Expression; the first one counts.
        fields: Likewise of License; one that is a whole text is passed over.
        classifiers: All of them.
    """
    names = (one for one in fields if len(one) <= _LONGEST_LICENCE and one.upper() != _NOTHING)
    return next(filter(None, (*expressions, *names)), "") or classified_licence(classifiers)


def classified_licence(classifiers: Iterable[str]) -> str:
    """Return the licence that classifiers name; of several, all of which count, as JSON."""
    all_named = (one for one in classifiers if one.startswith(_CLASSIFIER) and one not in _GROUPS)
    named = [one[:_LONGEST_LICENCE] for one in islice(all_named, _MOST_CLASSIFIERS)]
    return named[0] if len(named) == 1 else msgspec.json.encode(named).decode() if named else ""


def read_need(text: str) -> list[Need]:
    """Read a requirement; nothing where it is none. One by an address keeps that as its range, which no version is in."""
    try:
        requirement = Requirement(text if len(text) <= _LONGEST_NEED else "")
    except (InvalidRequirement, RecursionError):
        return []
    marker = str(requirement.marker or "")
    words = marker.split(" ")
    only = normalised(words[2].strip('"')) if len(words) == 3 and words[:2] == ["extra", "=="] else ""
    extras = tuple(sorted(map(normalised, requirement.extras)))
    wanted = f" @ {requirement.url}" if requirement.url else str(requirement.specifier)
    return [Need(normalised(requirement.name), extras, wanted, marker, only)]
