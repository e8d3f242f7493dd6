"""What a release of a Python project says of itself: core metadata (PEP 566 and later), with its requirements taken apart."""

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from outrider.operators.packages.registries.pypi_pages import normalised

_LONGEST_LICENCE = 200


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


class Metadata(msgspec.Struct, array_like=True, omit_defaults=True):
    """What a release says of itself.

    Attributes:
        needs: What it needs, for any machine and with any extra.
        extras: That it has, normalised.
        python: What `Requires-Python` says.
        licence: The expression, or what stands in its place.
    """

    needs: list[Need] = []
    extras: list[str] = []
    python: str = ""
    licence: str = ""


def read_metadata(text: str) -> Metadata:
    """Read the head of METADATA or PKG-INFO; requirements that cannot be read are left out, as by pip."""
    found = Metadata(needs=[], extras=[])
    for line in text.splitlines():
        if not line:
            break
        name, colon, value = line.partition(":")
        value = value.strip()
        match name.lower() if colon else "":
            case "requires-dist":
                found.needs += read_need(value)
            case "provides-extra":
                found.extras.append(normalised(value))
            case "requires-python":
                found.python = value
            case "license-expression":
                found.licence = value
            case "license" if not found.licence and len(value) <= _LONGEST_LICENCE:
                found.licence = value
    return found


def read_need(text: str) -> list[Need]:
    """Read a requirement; nothing where it is none."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return []
    marker = str(requirement.marker or "")
    words = marker.split(" ")
    only = normalised(words[2].strip('"')) if len(words) == 3 and words[:2] == ["extra", "=="] else ""
    extras = tuple(sorted(map(normalised, requirement.extras)))
    return [Need(normalised(requirement.name), extras, str(requirement.specifier), marker, only)]
