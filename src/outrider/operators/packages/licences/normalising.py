"""What a licence is, from what its author has written, whatever the ecosystem.

- npm: https://docs.npmjs.com/cli/configuring-npm/package-json#license, and the older forms `{type, url}` and `licenses: [...]`.
- PyPI: License-Expression (PEP 639), else the field License, else the classifiers.
- Cargo: an expression, in which older crates write `/` for OR: https://doc.rust-lang.org/cargo/reference/manifest.html#the-license-and-license-file-fields
- Maven, Composer: of several one may be chosen: https://maven.apache.org/pom.html#Licenses, https://getcomposer.org/doc/04-schema.md#license
- RubyGems: a list of which nothing says whether all count; by custom one may be chosen, which is a guess.
- NuGet: an expression, or an address, or the name of a file: https://learn.microsoft.com/nuget/reference/nuspec#license
"""

import re
from functools import lru_cache
from typing import Any, Literal

import msgspec

from outrider.operators.packages.licences.expressions import Expression, try_expression
from outrider.operators.packages.licences.guessing import guessed
from outrider.operators.packages.licences.names import Meaning
from outrider.operators.packages.licences.urls import expression_of_address
from outrider.operators.packages.locks.licence_texts import LONGEST, licence_text

_MOST_PARTS = 50
# What stands where a licence should, and tells none.
_NOTHING = frozenset(
    {"", "none", "noassertion", "unknown", "n/a", "na", "tbd", "todo", "null", "undefined", "-", "license", "other"}
)
_ELSEWHERE = re.compile(r"see[ -]licen[cs]e(?:[ -]in)?\b.*", re.IGNORECASE)
# What an ecosystem says instead of an identifier: nothing may be used, or it is no licence of a list.
_DEFINED = {
    ("npm", "UNLICENSED"): "LicenseRef-UNLICENSED",
    ("composer", "proprietary"): "LicenseRef-Proprietary",
    ("gem", "Nonstandard"): "LicenseRef-Nonstandard",
}
_CHOSEN = ("cargo", "composer", "gem", "maven", "npm")
_CUSTOMARY = ("gem",)


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """A licence.

    Attributes:
        raw: What its author has written; JSON where that is more than a text. It may be cut.
        expression: What it means, in SPDX; empty where that is not known.
        guessed: Whether it is not what SPDX or its ecosystem makes of the text.
        vague: Whether the text may mean another version or variant too.
    """

    raw: str = ""
    expression: str = ""
    guessed: bool = False
    vague: bool = False


def normalised(ecosystem: str, raw: str) -> Licence:
    """Return what a licence is.

    Args:
        ecosystem: Whose rules count.
        raw: As its author has written it, or the JSON of that.
    """
    return _normalised(ecosystem, raw[: LONGEST + 1])


@lru_cache(maxsize=8192)
def _normalised(ecosystem: str, raw: str) -> Licence:
    if raw[:1] in ("[", "{") and len(raw) <= LONGEST:
        try:
            return licence_of(ecosystem, msgspec.json.decode(licence_text(raw)))
        except (msgspec.DecodeError, RecursionError):
            return _of_text(ecosystem, raw)
    return _of_text(ecosystem, raw)


def licence_of(ecosystem: str, value: Any) -> Licence:
    """Return what a licence is.

    Args:
        ecosystem: Whose rules count.
        value: A text, a mapping with `type` or `name` and `url`, or a list of such.
    """
    if isinstance(value, str):
        return normalised(ecosystem, value)
    raw = licence_text(value)
    if not raw:
        return Licence()
    if isinstance(value, dict):
        return _renamed(_of_table(ecosystem, value), raw)
    if isinstance(value, list) and len(value) <= _MOST_PARTS:
        parts = [licence_of(ecosystem, one) if isinstance(one, str | dict) else Licence() for one in value]
        return _renamed(
            combined(parts, "OR" if ecosystem in _CHOSEN else "AND", customary=ecosystem in _CUSTOMARY), raw
        )
    return Licence(raw=raw)


def combined(parts: list[Licence], operator: Literal["AND", "OR"], *, customary: bool) -> Licence:
    """Return several licences as one, without a text; nothing is known of it where one of them is not known.

    Args:
        parts: The licences.
        operator: Whether all of them count.
        customary: Whether nothing but custom says so.
    """
    texts = [f"({one.expression})" for one in parts]
    expression = try_expression(f" {operator} ".join(texts)) if all(one.expression for one in parts) else None
    if expression is None:
        return Licence()
    return Licence(
        expression=str(expression), vague=any(one.vague for one in parts),
        guessed=any(one.guessed for one in parts) or (customary and len(parts) > 1),
    )  # fmt: skip


def best_of(*candidates: Licence) -> Licence:
    """Return the licence of which most is known: one that is not guessed, else one that is not vague, else any; the first of equals."""
    known = [one for one in candidates if one.expression]
    ranked = sorted(known, key=lambda one: (one.guessed, one.vague))
    return ranked[0] if ranked else next((one for one in candidates if one.raw), Licence())


def _said(ecosystem: str, flat: str) -> Expression | None:
    """Return what SPDX, or else the ecosystem itself, makes of a text."""
    expression = try_expression(flat)
    if expression is None and ecosystem == "cargo":
        return try_expression(flat.replace("/", " OR "))
    if expression is None and ecosystem == "nuget":
        return expression_of_address(flat)
    return expression


def _renamed(one: Licence, raw: str) -> Licence:
    return msgspec.structs.replace(one, raw=raw)


def _of_table(ecosystem: str, table: dict[str, Any]) -> Licence:
    fields = [table.get(name) for name in ("type", "name", "id", "url")]
    return best_of(*(_of_text(ecosystem, one) for one in fields if isinstance(one, str) and one.strip()))


def _of_text(ecosystem: str, text: str) -> Licence:
    raw = licence_text(text)
    flat = " ".join(raw.split())
    if flat.lower() in _NOTHING:
        return Licence(raw=raw)
    if (ecosystem, flat) in _DEFINED:
        return Licence(raw=raw, expression=_DEFINED[ecosystem, flat])
    expression = _said(ecosystem, flat)
    if expression is not None:
        return Licence(raw=raw, expression=str(expression))
    if _ELSEWHERE.fullmatch(flat):
        return Licence(raw=raw)
    meaning = guessed(raw) or Meaning("")
    return Licence(raw=raw, expression=meaning.expression, guessed=bool(meaning.expression), vague=meaning.vague)
