"""From the text of a .tsk file to its tokens.

Line ends inside round and square brackets mean nothing and are left out here; elsewhere they separate entries.
"""

import re
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.core.tsk.faults import QUOTES, fault
from outrider.core.tsk.nodes import Source

MAX_BYTES = 1024 * 1024
NEWLINE, END = "newline", "end"
_NAME = r"[A-Za-z_]\w*(?:-[A-Za-z_]\w*)*"
# A key may have a hyphen before a digit; in a value that would be a subtraction.
_KEY = r"(?P<key>[A-Za-z_][\w-]*)"
_TOKEN = rf"""
      (?P<newline>\n)
    | (?P<word>{_NAME})
    | (?P<heredoc>\"\"\"(?:.|\n)*?\"\"\")
    | (?P<string>"[^"\\\n]*")
    | (?P<escaped>"(?:[^"\\\n]|\\.)*")
    | (?P<plain>'[^'\n]*')
    | (?P<range>[0-9][0-9_]*-[0-9][0-9_]*(?![\w.-]))
    | (?P<number>[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?(?![\w.]|-[0-9]))
    | (?P<field>\.{_NAME})
    | (?P<at>@{_NAME}(?:-\w+)*)
    | (?P<global>\${_NAME})
    | (?P<comment>\#[^\n]*|//[^\n]*)
    | (?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:=|,;(){{}}\[\]])
    | (?P<end>\Z)
    """
_IN_VALUE = re.compile(rf"[ \t]*(?:{_TOKEN})", re.VERBOSE | re.ASCII)
_AT_KEY = re.compile(rf"[ \t]*(?:{_KEY}|{_TOKEN})", re.VERBOSE | re.ASCII)
# What most lines are: a key and a plain value. One look at the line in place of four saves half of the time.
_PLAIN_ENTRY = re.compile(
    r"""[ \t]*([A-Za-z_][\w-]*)[ \t]*([:=])[ \t]*(?:"([^"\\\n]*)"|(0|[1-9][0-9]{0,14})|(true|false|null))[ \t]*(\n)""",
    re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_AS_IT_IS = frozenset({"word", "key", END})
_TEXTS = frozenset({"plain", "escaped", "heredoc"})
_BRACKETS = frozenset("()[]{}")
_SEPARATORS = frozenset({NEWLINE, ";", ",", "{"})
_LONGEST_NUMBER = 100


class Tokens:
    """The tokens of a file, side by side: what each is, what it stands for, and where it begins.

    `kinds` holds a sign itself, or one of: newline end key word string number range field at global.
    """

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.values: list[Any] = []
        self.places: list[int] = []
        self.comments: list[tuple[int, str]] = []


def scan(source: Source) -> Tokens:
    """Return the tokens of a file.

    Raises:
        InvalidConfigError: Naming line and column.
    """
    return _Scanner(source).run()


class _Scanner:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._tokens = Tokens()
        self._open: list[tuple[str, int]] = []
        # Whether a line end separates entries here: it does not inside round and square brackets.
        self._separates = True

    def run(self) -> Tokens:
        """Read the whole text."""
        self._check_text()
        text, position, at_key = self._text, 0, True
        kinds, values, places = self._tokens.kinds, self._tokens.values, self._tokens.places
        in_value, at_key_match, plain_entry = _IN_VALUE.match, _AT_KEY.match, _PLAIN_ENTRY.match
        kind = ""
        while kind != END:
            if at_key and (entry := plain_entry(text, position)):
                self._plain_entry(entry)
                position = entry.end()
                continue
            match = at_key_match(text, position) if at_key else in_value(text, position)
            if match is None:
                raise self._unknown(position)
            kind = match.lastgroup or ""
            word, at, position = match[kind], match.start(kind), match.end()
            was_key, at_key = at_key, False
            if kind == "sign":
                kind = word
                if word in _BRACKETS:
                    self._bracket(word, at)
                at_key = (word in _SEPARATORS and self._separates) or (word == "[" and was_key)  # or a section's name
            elif kind == "newline":
                at_key = self._separates
                if not at_key:
                    continue
            elif kind == "comment":
                self._comment(word, at)
                at_key = self._separates and (not kinds or kinds[-1] in _SEPARATORS)
                continue
            elif kind not in _AS_IT_IS:
                kind, word = self._value(kind, word, at)
            kinds.append(kind)
            values.append(word)
            places.append(at)
        self._check_closed()
        return self._tokens

    def _check_closed(self) -> None:
        if self._open:
            sign, at = self._open[-1]
            raise fault(self._source, at, f"'{sign}' is never closed", found=sign, fix="close it")

    def _plain_entry(self, entry: re.Match[str]) -> None:
        key, sign, text, number, _, _ = entry.groups()
        if text is not None:
            kind, value, at = "string", text, entry.start(3) - 1
        elif number is not None:
            kind, value, at = "number", int(number), entry.start(4)
        else:
            kind, value, at = "word", entry[5], entry.start(5)
        self._tokens.kinds += ("key", sign, kind, NEWLINE)
        self._tokens.values += (key, None, value, None)
        self._tokens.places += (entry.start(1), entry.start(2), at, entry.start(6))

    def _value(self, kind: str, word: str, at: int) -> tuple[str, Any]:
        """Return what a token is, and what it stands for."""
        if kind == "string":
            if word == '""' and self._text.startswith('"', at + 2):
                raise fault(self._source, at, "a text that is never closed", found='"""', fix='close it with """')
            return kind, word[1:-1]
        if kind in ("number", "range"):
            return kind, self._number(word, at) if kind == "number" else self._range(word, at)
        if kind in _TEXTS:
            inner = word[3:-3] if kind == "heredoc" else word[1:-1]
            if kind == "escaped":
                inner = self._unescaped(inner, at)
            return "string", _without_indentation(inner) if kind == "heredoc" else inner
        return kind, word[1:]

    def _check_text(self) -> None:
        control = _CONTROL.search(self._text)
        if control:
            raise fault(self._source, control.start(), "a control character", found=repr(control[0]), fix="remove it")
        if self._text.startswith("#!"):
            raise fault(
                self._source, 0, "a program, not a configuration; programs are not run",
                found=self._text.partition("\n")[0][:40], fix="write what it does as calls",
            )  # fmt: skip

    def _bracket(self, sign: str, at: int) -> None:
        if sign in "([{":
            self._open.append((sign, at))
        else:
            self._close(sign, at)
        self._separates = not self._open or self._open[-1][0] == "{"

    def _close(self, sign: str, at: int) -> None:
        if not self._open or self._open[-1][0] != _PAIRS[sign]:
            opened = f"'{self._open[-1][0]}' of {self._source.place(self._open[-1][1])}" if self._open else "nothing"
            raise fault(
                self._source, at, f"'{sign}' closes {opened}", found=sign, fix=f"remove '{sign}', or open it before"
            )  # fmt: skip
        self._open.pop()

    def _comment(self, word: str, at: int) -> None:
        """Keep a comment.

        Raises:
            InvalidConfigError: Its sign does not begin one here.
        """
        line = self._text.rfind("\n", 0, at) + 1
        if word[0] == "#" and at > 0 and self._text[at - 1] not in " \t\n":
            allowed = False
        else:
            allowed = word[0] == "#" or not self._text[line:at].strip()
        if not allowed:
            sign = "#" if word[0] == "#" else "//"
            raise fault(
                self._source, at, f"'{sign}' begins no comment here", found=self._line(at),
                expected="# after white space, or // at the start of a line", fix="put quotes around the text",
            )  # fmt: skip
        self._tokens.comments.append((at, word.rstrip()))

    def _number(self, text: str, at: int) -> int | float:
        digits = text.replace("_", "")
        whole = re.match(r"[0-9]+", digits)
        if len(text) > _LONGEST_NUMBER or (whole and len(whole[0]) > 1 and whole[0][0] == "0"):
            raise fault(self._source, at, "a number does not begin with 0", found=text[:40], fix=f'write "{text[:40]}" for a text, or leave the zeros out')  # fmt: skip
        if digits.isdecimal():
            return int(digits)
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise fault(self._source, at, "the number is too large", found=text[:40], fix=QUOTES)
        return value

    def _range(self, text: str, at: int) -> tuple[int, int]:
        low, high = (self._number(part, at) for part in text.split("-"))
        if not (isinstance(low, int) and isinstance(high, int) and low <= high):
            raise fault(
                self._source, at, "a range whose end is before its beginning", found=text, expected="LOW-HIGH",
                fix=f'write "{text}" for a text, or {text.replace("-", " - ")} for a difference',
            )  # fmt: skip
        return low, high

    def _unescaped(self, text: str, at: int) -> str:
        def one(match: re.Match[str]) -> str:
            if match[1]:
                return chr(int(match[1], 16))
            if match[2] not in _ESCAPED:
                raise fault(
                    self._source, at + 1 + match.start(), f"unknown escape '\\{match[2]}'", found=f"\\{match[2]}",
                    expected='\\n \\t \\r \\" \\\\ \\uXXXX', fix=f"write \\\\{match[2]} for a backslash, or use '...'",
                )  # fmt: skip
            return _ESCAPED[match[2]]

        plain = _ESCAPE.sub(one, text)
        if any("\ud800" <= sign <= "\udfff" for sign in plain):
            try:
                plain = plain.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError as error:
                raise fault(
                    self._source, at, "half of a surrogate pair", found=text[:40], fix="give both halves"
                ) from error
        return plain

    def _line(self, at: int) -> str:
        start = self._text.rfind("\n", 0, at) + 1
        end = self._text.find("\n", at)
        return self._text[start : end if end >= 0 else None].strip()[:80]

    def _unknown(self, at: int) -> InvalidConfigError:
        at += len(self._text[at:]) - len(self._text[at:].lstrip(" \t"))
        text = self._text[at : at + 40].partition("\n")[0]
        sign = text[:1]
        if sign in {'"', "'"}:
            return fault(self._source, at, "a text that is never closed", found=text, fix=f"close it with {sign}")
        if sign.isdecimal():
            word = re.match(r"[\w.-]*", text)
            return fault(
                self._source, at, "not a number", found=word[0] if word else text, expected="12, 1.5, 1e3 or 8000-9000", fix=QUOTES
            )  # fmt: skip
        if sign == "@":
            return fault(
                self._source,
                at,
                "'@' without a name",
                found=text,
                expected="@name(...) or @env.NAME",
                fix="put quotes around the text",
            )
        if sign == "&":
            return fault(self._source, at, "a single '&'", found=text, fix="write && for both")
        return fault(self._source, at, f"{sign!r} means nothing here", found=text, fix="put quotes around the text")


def _without_indentation(text: str) -> str:
    """Return the text of a heredoc: without its first line end and without what all lines are indented by."""
    lines = text.removeprefix("\n").split("\n")
    filled = [line for line in lines if line.strip()]
    common = min((len(line) - len(line.lstrip(" \t")) for line in filled), default=0)
    return "\n".join(line[common:] for line in lines)


def source_of(data: bytes | str, name: str) -> Source:
    """Return a text as it is scanned: without a byte order mark, and with a line feed alone at the end of lines.

    Raises:
        InvalidConfigError: It is larger than 1 MiB, or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise InvalidConfigError(
            f"{name}: too large", source=name, found=f"{len(data)} bytes", expected=f"at most {MAX_BYTES} bytes",
            suggestions=["split it into several files"],
        )  # fmt: skip
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise InvalidConfigError(
            f"{name}: not UTF-8 text", source=name, found=f"byte 0x{error.object[error.start]:02x} at offset {error.start}",
            suggestions=["save it as UTF-8"],
        ) from error  # fmt: skip
    return Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
