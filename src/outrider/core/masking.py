"""Takes out of texts what looks like a secret, for papers that leave the house. Values that are known are taken out by `mask`.

This is the second net: a value that nobody declared as a secret is found only where its surroundings say what it is.
"""

import re
from typing import Any

from outrider.core.secrets import MASK

_NAMES = r"pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|authorization|cookie|credentials?|routing[-_]?key"
_SECRET_NAME = re.compile(
    rf"(?:^|[-_.])(?:{_NAMES})$|(?:Password|Secret|Token|ApiKey|AccessKey|PrivateKey)$", re.IGNORECASE
)
_ASSIGNED = re.compile(
    rf"""(?P<name>["']?\b[\w.-]*(?:{_NAMES})["']?\s*[:=]\s*)(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&}})\]"']+)""",
    re.IGNORECASE,
)
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s:@]*:[^/\s@]*@", re.IGNORECASE), rf"\1{MASK}@"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), MASK),  # JSON Web Token, RFC 7519
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-)[A-Za-z0-9_-]{16,}"), MASK),
)
# A word after `token:` that says something about it, and is none.
_WORDS = frozenset({"true", "false", "null", "none", "yes", "no", MASK, f'"{MASK}"'})


def mask_text(text: str) -> str:
    """Return a text without what looks like a secret in it."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _ASSIGNED.sub(_assigned, text)


def mask_fields(value: Any) -> Any:
    """Return plain data without the values of fields whose names are those of secrets, and with its texts masked.

    A reference to a secret (`{secret: NAME}`) is none, and stays.
    """
    if isinstance(value, dict):
        return {key: _field(key, item, value) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_fields(item) for item in value]
    return mask_text(value) if isinstance(value, str) else value


def _field(key: Any, item: Any, around: dict[Any, Any]) -> Any:
    is_reference = key == "secret" and around.keys() <= {"secret", "key"}
    if isinstance(key, str) and _SECRET_NAME.search(key) and not is_reference and isinstance(item, str | int | float):
        return item if isinstance(item, bool) or item == "" else MASK
    return mask_fields(item)


def _assigned(match: re.Match[str]) -> str:
    value = match["value"]
    if value.lower() in _WORDS:
        return match[0]
    quote = value[0] if value[0] in "\"'" and len(value) > 1 else ""
    return f"{match['name']}{quote}{MASK}{quote}"
