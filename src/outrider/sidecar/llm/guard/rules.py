"""Rules of what must not pass: where it stands in a text, and what stands there without it."""

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from outrider.core.errors import DeniedError, InvalidConfigError, MissingRequirementError
from outrider.sidecar.llm.guard.escapes import around, levels

# A string of JSON, key or value. One without an end goes to the end of all, and nothing is looked at twice: what is no JSON
# must not take time without end, nor its repetitions a place each in memory.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
# A long one that is base64 throughout is an image or the like.
_LONG = 4096
_DATA_URL = re.compile(rb'"(?:data:[^,"]{0,200},)?')
_BASE64 = string.ascii_letters.encode() + string.digits.encode() + b"+/-_="


class Match(msgspec.Struct, frozen=True):
    """Where something was found in a text.

    Attributes:
        holds: Whether it is one, and does not only look like it.
    """

    begin: int
    end: int
    name: str
    holds: bool = True


class Rule:
    """Something that is looked for.

    Args:
        name: As it is told.
        pattern: In RE2's syntax.
        check: Tells whether a match is one.
        refuses: Whether a text with it is refused; else it is taken out.

    Raises:
        InvalidConfigError: The pattern is none.
    """

    def __init__(self, name: str, pattern: str, check: Callable[[str], bool] | None, *, refuses: bool) -> None:
        self.name, self.refuses, self._check = name, refuses, check
        self._find = _compiled(pattern).finditer

    def find(self, text: str) -> Iterator[Match]:
        """Yield where it stands, or seems to."""
        for match in self._find(text):
            if match.end() > match.start():
                holds = self._check is None or self._check(match.group())
                yield Match(match.start(), match.end(), self.name, holds)


class Rules:
    """What is looked for in one direction.

    Args:
        rules: They.
        hits: Counts what was found, by its name.
    """

    def __init__(self, rules: list[Rule], hits: Counter[str]) -> None:
        self._rules, self._hits = rules, hits

    def __bool__(self) -> bool:
        return bool(self._rules)

    def matches(self, text: str) -> list[Match]:
        """Return what is found, in order; of what overlaps the first and longest."""
        return first_and_longest(self.seen(text))

    def seen(self, text: str) -> list[Match]:
        """Return all that is found, or looks like it, in order."""
        read = levels(text)
        found = [
            one
            for level, said in enumerate(read)
            for rule in self._rules
            for match in rule.find(said)
            if (one := _untorn(read, level, match)).begin < one.end
        ]
        found.sort(key=lambda one: (one.begin, -one.end))
        return found

    def text(self, text: str) -> str:
        """Return a text without what must not pass.

        Raises:
            DeniedError: It is refused.
        """
        return self.taken_out(text, self.matches(text))

    def taken_out(self, text: str, matches: list[Match]) -> str:
        """Return a text without some matches, each of which is named in its place.

        Raises:
            DeniedError: One of them is refused.
        """
        parts, at = [], 0
        for one in matches:
            self._hits[one.name] += 1
            if any(rule.refuses for rule in self._rules if rule.name == one.name):
                raise DeniedError(f"the text holds what must not leave: {one.name}", found=one.name)
            parts += [text[at : one.begin], f"[{one.name.upper()}]"]
            at = one.end
        return "".join([*parts, text[at:]]) if parts else text

    def document(self, data: bytes) -> bytes:
        """Return a JSON document without what must not pass in its strings; all else stays as it was written.

        What is no JSON is taken as one text.

        Raises:
            DeniedError: It is refused.
        """
        if _is_json(data):
            return self.strings(data)
        try:
            text, encoding = data.decode(), "utf-8"
        except UnicodeError:
            text, encoding = data.decode("latin-1"), "latin-1"
        passed = self.text(text)
        return data if passed is text else passed.encode(encoding)

    def strings(self, data: bytes) -> bytes:
        """Return JSON, or what has JSON in it, without what must not pass in its strings; errors as those of `document`."""
        return _STRING.sub(self._string, data)

    def _string(self, match: re.Match[bytes]) -> bytes:
        written = match.group()
        if is_base64(written):
            return written
        said = _read(written)
        passed = self.text(said)
        return written if passed is said else json.dumps(passed, ensure_ascii=False).encode()


def first_and_longest(seen: list[Match]) -> list[Match]:
    """Return what holds of what was seen, of what overlaps the first and longest."""
    kept: list[Match] = []
    for one in seen:
        if one.holds and (not kept or one.begin >= kept[-1].end):
            kept.append(one)
    return kept


def _untorn(read: list[str], level: int, match: Match) -> Match:
    """Return a match so that no escape is torn: of one that reads further than its level the rest is none of its own."""
    if len(read) == 1:
        return match
    begin = around(read[level:], match.begin)[1]
    return Match(around(read[:level], begin)[0], around(read, match.end)[1], match.name, match.holds)


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            json.loads(data)  # it takes half a character, too
        except (ValueError, RecursionError):
            return False
    return True


def is_base64(written: bytes) -> bool:
    """Return whether a string of JSON is an image or the like: long and base64, with the head of a data URL or without."""
    if len(written) <= _LONG:
        return False
    head = _DATA_URL.match(written)
    said = written[head.end() if head is not None else 1 : -1]
    return not said.replace(b"\\/", b"").translate(None, _BASE64)


def _compiled(pattern: str) -> Any:
    try:
        import re2  # noqa: PLC0415 - only who guards something has it
    except ModuleNotFoundError as error:
        raise MissingRequirementError(
            "guards need google-re2", found=str(error), expected="the extra `sidecar`",
            suggestions=["pip install 'outrider[sidecar]'"],
        ) from error  # fmt: skip
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        raise InvalidConfigError(
            f"not a pattern: {_said(error)}", path="guard.pattern", found=pattern, expected="a regular expression in RE2's syntax",
            suggestions=["leave out lookaheads and backreferences, which take time without end"],
        ) from error  # fmt: skip


def _said(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _read(written: bytes) -> str:
    """Return what a string of JSON says, also one with half a character."""
    try:
        return msgspec.json.decode(written, type=str)
    except (msgspec.DecodeError, UnicodeError):
        try:
            said = str(json.loads(written.decode("utf-8", "surrogateescape")))
            return said.encode("utf-8", "replace").decode()
        except ValueError:  # its escapes are none
            return written.strip(b'"').decode("utf-8", "replace")
