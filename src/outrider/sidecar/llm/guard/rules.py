"""Rules of what must not pass: where it stands in a text, and what stands there without it."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from outrider.core.errors import DeniedError, InvalidConfigError, MissingRequirementError

# A string of JSON, key or value; each of its bytes is looked at once.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
# A long one without a blank is an image or the like.
_LONG = 4096
_BLANK = re.compile(rb"[ \n]|\\n")


class Match(msgspec.Struct, frozen=True):
    """Where something was found in a text."""

    begin: int
    end: int
    name: str


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
        """Yield where it stands."""
        for match in self._find(text):
            if match.end() > match.start() and (self._check is None or self._check(match.group())):
                yield Match(match.start(), match.end(), self.name)


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
        found = sorted(
            (match for rule in self._rules for match in rule.find(text)), key=lambda one: (one.begin, -one.end)
        )
        kept: list[Match] = []
        for one in found:
            if not kept or one.begin >= kept[-1].end:
                kept.append(one)
        return kept

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

        Raises:
            DeniedError: It is refused.
        """
        return _STRING.sub(self._string, data)

    def _string(self, match: re.Match[bytes]) -> bytes:
        written = match.group()
        if len(written) > _LONG and _BLANK.search(written) is None:
            return written
        said = _read(written)
        passed = self.text(said)
        return written if passed is said else json.dumps(passed, ensure_ascii=False).encode()


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
        except ValueError:
            return ""
