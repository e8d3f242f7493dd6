"""What a project of pnpm adds to packages: https://pnpm.io/10.x/settings#packageextensions."""

import re
from collections.abc import Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.npm.pnpm.extensions import FIELDS

_NAME = "packageExtensions"
_META = FIELDS[-1]
# What YAML takes for a number or a truth where it stands without quotes; of the texts here it is not known whether it does.
_NO_TEXT = re.compile(
    r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|0[xo][0-9a-f]+|true|false|null|~|", re.IGNORECASE
)
_TRUTHS = {"true": True, "false": False}


def read_extensions(
    own: Mapping[str, Any], workspace: Mapping[str, Any], name: str
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return what is added, by selector and field; what package.json says counts for all.

    Args:
        own: What pnpm is told in the package.json.
        workspace: The pnpm-workspace.yaml; all that it has are texts.
        name: Of the project.

    Raises:
        InvalidConfigError: It cannot be read.
        UnsupportedError: It says more than what is added, or adds something to the project.
    """
    said, file = (own[_NAME], FORM) if own.get(_NAME) else (workspace.get(_NAME) or {}, "pnpm-workspace.yaml")
    if not isinstance(said, dict):
        raise _unreadable(file, _NAME, said, "names of packages with what is added to them")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for selector, fields in said.items():
        where = f"{_NAME}.{selector}"
        if not isinstance(fields, dict):
            raise _unreadable(file, where, fields, " or ".join(FIELDS))
        if more := sorted(fields.keys() - set(FIELDS)):
            raise _unsupported(file, f"{where}.{more[0]}", more[0], " or ".join(FIELDS))
        if selector == name or selector.startswith(f"{name}@"):
            raise _unsupported(file, where, selector, "packages of a registry")
        found[selector] = {key: _values(file, f"{where}.{key}", key, value) for key, value in fields.items()}
    return found


def _values(file: str, where: str, field: str, said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise _unreadable(file, where, said, "names of packages")
    if field == _META:
        return {name: _meta(file, f"{where}.{name}", one) for name, one in said.items()}
    for name, text in said.items():
        if not isinstance(text, str):
            raise _unreadable(file, f"{where}.{name}", text, "a range")
        if file != FORM and _NO_TEXT.fullmatch(text):
            raise _unsupported(
                file, f"{where}.{name}", text, "a range that is a text with quotes or without them, such as ^1"
            )
    return dict(said)


def _meta(file: str, where: str, said: Any) -> dict[str, bool]:
    optional = said.get("optional") if isinstance(said, dict) and said.keys() == {"optional"} else None
    found = _TRUTHS.get(optional) if file != FORM and isinstance(optional, str) else optional
    if not isinstance(found, bool):
        raise _unsupported(file, where, str(said)[:80], "optional: true, or false")
    return {"optional": found}


def _unreadable(file: str, where: str, found: Any, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{file}: {where} cannot be read", path=where, found=type(found).__name__, expected=expected, suggestions=["correct it"]
    )  # fmt: skip


def _unsupported(file: str, where: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{file}: {where} is not heeded here", path=where, found=found, expected=expected,
        suggestions=["have pnpm write the lock file: pnpm install --lockfile-only"],
    )  # fmt: skip
