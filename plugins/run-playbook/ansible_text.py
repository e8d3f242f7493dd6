"""What Ansible is given and what it says: variables as YAML on one line, and the recap."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMED = 3
LONG_KEY = 1000
SHOWN = 300
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HOST = re.compile(
    r"^(?P<host>\S+)\s*: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)"
    r"\s+failed=(?P<failed>\d+)(?:\s+skipped=(?P<skipped>\d+))?(?:\s+rescued=(?P<rescued>\d+))?"
    r"(?:\s+ignored=(?P<ignored>\d+))?\s*$"
)
_FATAL = re.compile(r"^fatal: \[.*", re.MULTILINE)


def variables(value: Any) -> str:
    """Return data as YAML in flow style, in ASCII on one line.

    Text that may be a template carries the tag `!unsafe`: without it Ansible evaluates it, and a template can run programs.
    Other text goes without, because ansible-core from 2.19 on takes such a `no` for a truth value. An Ansible that did not know
    the tag would refuse all of it.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {variables(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(variables, value)) + "]"
    if isinstance(value, str):
        return f"!unsafe {_quoted(value)}" if "{" in value else _quoted(value)
    text = json.dumps(value, allow_nan=False)
    if isinstance(value, float) and "." not in text:
        text = text.replace("e", ".0e")  # without a point YAML 1.1 takes it for text
    return text


def _key(text: str) -> str:
    """Return a key; one of more than 1024 characters has to be announced."""
    quoted = _quoted(text)
    return f"? {quoted}" if len(quoted) > LONG_KEY else quoted


def _quoted(text: str) -> str:
    """Return a double-quoted scalar; JSON's pairs of surrogates would be two characters in YAML."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def recap(stdout: str) -> dict[str, dict[str, int]] | None:
    """Return the counts of each host; None where there is no recap."""
    lines = _COLOUR.sub("", stdout).splitlines()
    begins = [index for index, line in enumerate(lines) if line.startswith("PLAY RECAP ")]
    if not begins:
        return None
    found = {}
    for line in lines[begins[-1] + 1 :]:
        if match := _HOST.match(line):
            counts = match.groupdict("0")
            host = counts.pop("host")
            found[host] = {name: int(count) for name, count in counts.items()}
    return found


def faults(stdout: str) -> list[str]:
    """Return what Ansible says of the first hosts that failed."""
    return [line[:SHOWN] for line in _FATAL.findall(_COLOUR.sub("", stdout))[:NAMED]]
