"""What is asked of an npm package, as `npm install` and manifests write it: https://docs.npmjs.com/cli/v11/using-npm/package-spec."""

import re
from functools import lru_cache
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError

_NAME = re.compile(r"(?:@[^/@\s]+/)?[^/@\s:]+")
_LONGEST_NAME = 214
_FILES = (".tgz", ".tar.gz", ".tar")
_SHOWN = 80


class Spec(NamedTuple):
    """What is asked of a package.

    Attributes:
        package: Its name in the registry; empty where it comes from somewhere else.
        text: A range, a version or a tag; otherwise where it comes from.
    """

    package: str
    text: str


@lru_cache(maxsize=65536)
def read_spec(name: str, text: str) -> Spec:
    """Return what is asked of a name: a range, a tag, or another package that goes by that name."""
    text = text.strip()
    if text[:4].lower() == "npm:":
        package, _, rest = text[5:].partition("@")
        package = text[4:5] + package
        rest = rest.strip()
        return Spec(package, rest or "*") if is_name(package) and not _is_elsewhere(rest) else Spec("", text)
    return Spec("", text) if _is_elsewhere(text) or not is_name(name) else Spec(name, text or "*")


def read_key(key: str) -> tuple[str, str] | None:
    """Return the name and what is asked of it that `NAME` or `NAME@RANGE` stands for; None for anything else."""
    at = key.find("@", 1)
    name, asked = (key, "*") if at < 0 else (key[:at], key[at + 1 :].strip() or "*")
    return None if not is_name(name) or name.lower().endswith(_FILES) else (name, asked)


def read_argument(index: int, text: str) -> tuple[str, str]:
    """Read what a user asks for; return the name by which it is to go, and what is asked of it.

    Args:
        index: Its number, for errors.
        text: `NAME`, `NAME@RANGE`, `NAME@TAG` or `ALIAS@npm:NAME@RANGE`.

    Raises:
        InvalidConfigError: It is something else.
    """
    at = text.find("@", 1)
    name, asked = (text, "*") if at < 0 else (text[:at], text[at + 1 :].strip() or "*")
    if not is_name(name) or name.endswith(_FILES) or not read_spec(name, asked).package:
        raise InvalidConfigError(
            f"packages[{index}]: {text[:_SHOWN]!r} is not a package of a registry of npm", path=f"packages[{index}]",
            found=text[:_SHOWN], expected="NAME, NAME@RANGE, NAME@TAG or ALIAS@npm:NAME@RANGE",
            suggestions=["quote it for your shell, to which < and > mean something"],
        )  # fmt: skip
    return name, asked


def is_name(text: str) -> bool:
    """Return whether a package may be called so."""
    return len(text) <= _LONGEST_NAME and text[:1] not in (".", "_") and bool(_NAME.fullmatch(text))


def _is_elsewhere(text: str) -> bool:
    """Return whether something comes from a file, an address or a repository."""
    return "/" in text or ":" in text or text.endswith(_FILES) or text.startswith((".", "~/"))
