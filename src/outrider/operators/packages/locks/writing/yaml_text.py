"""Writes YAML as pnpm does: `dumper.js` of @zkochan/js-yaml 0.0.11, with lines of any length.

Of js-yaml itself it differs in two things: some fields are written on one line, and blank lines stand between packages.
"""

import re
from collections.abc import Mapping
from typing import Any

_ON_ONE_LINE = frozenset(("cpu", "engines", "os", "libc", "resolution"))
_APART = frozenset(("packages", "importers", "snapshots"))
_LONGEST_KEY = 1024
_ESCAPES = {
    0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 27: "\\e", 34: '\\"', 92: "\\\\",
    0x85: "\\N", 0xA0: "\\_", 0x2028: "\\L", 0x2029: "\\P",
}  # fmt: skip
# What YAML would read as something else than a text.
_OTHERS = (
    re.compile(r"~|null|Null|NULL|true|True|TRUE|false|False|FALSE|<<"),
    re.compile(r"[-+]?(?:0|0b_*[01][01_]*(?<!_)|0x_*[0-9A-Fa-f][0-9A-Fa-f_]*(?<!_)|0o_*[0-7][0-7_]*(?<!_)|[0-9][0-9_]*(?<!_))"),
    re.compile(
        r"(?:[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))(?<!_)"
    ),
    re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
        r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
    ),
)  # fmt: skip
_FIRST_NOT_PLAIN = frozenset("-?:,[]{}#&*!|=>'\"%@`")
_FLOW = frozenset(",[]{}")
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa1-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


def yaml_text(document: Mapping[str, Any]) -> str:
    """Return a document of tables, lists, texts, numbers and truth values."""
    return _table(document, 0, compact=True, apart=True) + "\n"


def _table(value: Mapping[str, Any], level: int, *, compact: bool, apart: bool) -> str:
    lines = ""
    for key, one in value.items():
        line = "" if compact and not lines else _line(level, apart=apart)
        shown = _scalar(key, level + 1, one_line=True)
        explicit = len(shown) > _LONGEST_KEY
        line += f"? {shown}{_line(level)}" if explicit else shown
        content = _value(one, level + 1, key, compact=explicit)
        lines += line + (":" if content.startswith("\n") else ": ") + content
    return lines


def _line(level: int, *, apart: bool = False) -> str:
    return ("\n\n" if apart else "\n") + "  " * level


def _value(value: Any, level: int, key: str, *, compact: bool) -> str:
    if isinstance(value, dict):
        if not value or key in _ON_ONE_LINE:
            return _flow(value)
        return _table(value, level, compact=compact, apart=key in _APART)
    if isinstance(value, list):
        if not value or key in _ON_ONE_LINE:
            return _flow(value)
        return "".join(f"{_line(level)}- {_item(one, level + 1)}" for one in value)
    return _plain(value) if not isinstance(value, str) else _scalar(value, level)


def _item(value: Any, level: int) -> str:
    if isinstance(value, dict) and value:
        return _table(value, level, compact=True, apart=False)
    return _value(value, level, "", compact=True)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_flow(key)}: {_flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(one) for one in value)}]"
    return _scalar(value, 0, one_line=True, flow=True) if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def _scalar(text: str, level: int, *, one_line: bool = False, flow: bool = False) -> str:
    if not text:
        return "''"
    if _UNPRINTABLE.search(text if one_line else text.replace("\n", "")):
        return f'"{"".join(_escaped(sign) for sign in text)}"'
    if "\n" in text:
        return _block(text, level)
    if _is_plain(text, flow=flow) and not any(one.fullmatch(text) for one in _OTHERS):
        return text
    return "'" + text.replace("'", "''") + "'"


def _is_plain(text: str, *, flow: bool) -> bool:
    if text[0] in _FIRST_NOT_PLAIN or text[0] == " " or text[-1] in " :":
        return False
    before = ""
    for sign in text:
        plain = not (flow and sign in _FLOW) and sign != "#" and not (before == ":" and sign == " ")
        if not plain and not (sign == "#" and before not in ("", " ")) and not (before == ":" and sign != " "):
            return False
        before = sign
    return True


def _block(text: str, level: int) -> str:
    indent = "  " * max(1, level)
    head = "2" if text.lstrip("\n").startswith(" ") else ""
    keep = "" if text.endswith("\n") else "-"
    keep = "+" if text.endswith("\n\n") or text == "\n" else keep
    body = "\n".join(f"{indent}{line}" if line else line for line in text.removesuffix("\n").split("\n"))
    return f"|{head}{keep}\n{body}"


def _escaped(sign: str) -> str:
    code = ord(sign)
    if code in _ESCAPES:
        return _ESCAPES[code]
    if not _UNPRINTABLE.match(sign):
        return sign
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
