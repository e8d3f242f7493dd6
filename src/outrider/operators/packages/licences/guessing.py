"""Takes apart what is no SPDX expression, such as `MIT/Apache-2.0`, `BSD, see LICENSE` or `Dual licensed: MIT and GPL v2`."""

import re
from typing import NamedTuple

from outrider.operators.packages.licences.expressions import Named, try_expression
from outrider.operators.packages.licences.names import Meaning, meaning_of
from outrider.operators.packages.licences.texts import meaning_of_text
from outrider.operators.packages.licences.urls import meaning_of_address

_LONGEST = 500
_MOST_TOKENS = 41
_SEPARATOR = re.compile(
    r" ?(?:(?P<either>,? ?\b(?:and ?/ ?or|or|oder|ou)\b|/|\|{1,2})|(?P<both>,? ?\b(?:and|plus|und|et)\b|&{1,2}|;| \+ )"
    r"|(?P<comma>,)|(?P<open>\()|(?P<close>\))) ?",
    re.IGNORECASE,
)
# Where a choice is announced, "and" stands between what may be chosen.
_CHOICE = re.compile(
    r"\b(?:(?:dual|triple|tri|multi)(?:ly)?(?:[ -]licen[sc](?:ed|e|ing))?|(?:your|a) choice(?: of)?|choice of|either|any of|one of)\b"
    r"(?: under| consisting of)?:?",
    re.IGNORECASE,
)
_TWICE = re.compile(
    r"(?P<name>[^()<>]+?),? ?(?:\((?P<other>[^()\s]+)\)|[(<]?(?P<address>https?://[^()<>\s]+)[)>]?)", re.IGNORECASE
)


class _Token(NamedTuple):
    """A part of a text: a name, or what stands between names."""

    kind: str
    start: int
    end: int


class _Way(NamedTuple):
    """A way to read the tokens up to some place."""

    names: int
    before: int
    text: str
    vague: bool


def guessed(text: str) -> Meaning | None:
    """Return what a text means; None where any part of it is not known."""
    flat = " ".join(text.split())
    if not flat:
        return None
    if "\n" in text.strip() or len(flat) > _LONGEST:
        return meaning_of_text(text, _guessed_line)
    return _guessed_line(flat)


def _guessed_line(flat: str) -> Meaning | None:
    if len(flat) > _LONGEST:
        return None
    # Of a classifier of PyPI the end counts: License :: OSI Approved :: MIT License.
    line = flat.rpartition(" :: ")[2]
    return _single(line) or _taken_apart(line)


def _single(text: str) -> Meaning | None:
    return _called(text) or _called_twice(text)


def _called(text: str) -> Meaning | None:
    expression = try_expression(text)
    if isinstance(expression, Named):
        return Meaning(str(expression))
    return meaning_of(text) or meaning_of_address(text)


def _called_twice(text: str) -> Meaning | None:
    """Return what is meant by a name with another one, or an address, behind it: "Blue Oak Model License (BlueOak-1.0.0)"."""
    match = _TWICE.fullmatch(text)
    if match is None:
        return None
    one, two = _called(match["name"]), _called(match["other"] or match["address"])
    if match["address"] and two is None:
        return one
    if one is None or two is None:
        # Where the name may be several, what stands behind it is not all of them.
        is_alone = all(one.lastgroup == "comma" for one in _SEPARATOR.finditer(match["name"]))
        return two if is_alone and two is not None and try_expression(match["other"] or "") else None
    if one.expression == two.expression or one.vague or two.vague:
        return min(one, two, key=lambda meaning: meaning.vague)
    return None


def _taken_apart(line: str) -> Meaning | None:
    without = _CHOICE.sub(" ", line).strip(" :.")
    is_choice = without != line.strip(" :.")
    tokens = _tokens(without)
    if len(tokens) > _MOST_TOKENS:
        return None
    parts = _fewest_names(without, tokens)
    if parts is None:
        return None
    operators = {part for part, _ in parts if part in ("AND", "OR")}
    listed = "OR" if is_choice or operators == {"OR"} else "AND"
    words = [listed if part == "," else "OR" if is_choice and part == "AND" else part for part, _ in parts]
    expression = try_expression(" ".join(words))
    return None if expression is None else Meaning(str(expression), any(vague for _, vague in parts))


def _tokens(text: str) -> list[_Token]:
    found, last = [], 0
    for match in _SEPARATOR.finditer(text):
        if text[last : match.start()].strip():
            found.append(_Token("name", last, match.start()))
        found.append(_Token(match.lastgroup or "", match.start(), match.end()))
        last = match.end()
    if text[last:].strip():
        found.append(_Token("name", last, len(text)))
    return found


_WRITTEN = {"either": "OR", "both": "AND", "comma": ",", "open": "(", "close": ")"}


def _fewest_names(text: str, tokens: list[_Token]) -> list[tuple[str, bool]] | None:
    """Read tokens as names of licences with operators between them.

    A name may hold what else separates names, as "Common Development and Distribution License" does; of all ways to read them
    the one with the fewest names counts.

    Returns:
        Expressions, operators and parentheses, and whether each is vague; None where there is no way.
    """
    ways: list[_Way | None] = [_Way(0, 0, "", vague=False)] + [None] * len(tokens)
    for start in range(len(tokens)):
        way = ways[start]
        if way is None:
            continue
        kind = tokens[start].kind
        if kind != "name":
            _note(ways, start + 1, _Way(way.names, start, _WRITTEN[kind], vague=False))
        for end in _ends(tokens, start) if kind in ("name", "open") else ():
            meaning = _single(text[tokens[start].start : tokens[end].end].strip())
            if meaning is not None:
                _note(ways, end + 1, _Way(way.names + 1, start, f"({meaning.expression})", meaning.vague))
    parts: list[tuple[str, bool]] = []
    place = len(tokens)
    while place:
        way = ways[place]
        if way is None:
            return None
        parts.append((way.text, way.vague))
        place = way.before
    return parts[::-1]


def _note(ways: list[_Way | None], place: int, way: _Way) -> None:
    known = ways[place]
    if known is None or way.names < known.names:
        ways[place] = way


def _ends(tokens: list[_Token], start: int) -> list[int]:
    """Return where a name may end that begins with a token: its parentheses are balanced."""
    found, depth = [], 0
    for place in range(start, len(tokens)):
        kind = tokens[place].kind
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            break
        if depth == 0 and kind in ("name", "close"):
            found.append(place)
    return found
