"""What a server says when it refuses (RFC 6750 section 3)."""

import re

from outrider.core.http.headers import Headers
from outrider.core.secrets import SecretValue, mask

_PARAMETER = re.compile(r'([A-Za-z_]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_CODE = re.compile(r"[a-z_]{1,40}")
_SCOPE = re.compile(r"[!#-\[\]-~ ]{1,200}")


def parameter(headers: Headers, name: str) -> str:
    """Return a parameter of the challenges; empty where none has it."""
    for field in headers.get_all("www-authenticate"):
        for match in _PARAMETER.finditer(field):
            if match[1].lower() == name:
                return match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
    return ""


def reason(headers: Headers, sent: str) -> str:
    """Return why a server refuses, for errors; empty where it does not say.

    Args:
        headers: Of the refusal.
        sent: The token, which is not told.
    """
    code, scope = parameter(headers, "error"), parameter(headers, "scope")
    if not _CODE.fullmatch(code):
        return ""
    wanted = f", it wants the scope '{scope}'" if _SCOPE.fullmatch(scope) else ""
    return mask(f"{code}{wanted}", [SecretValue(sent)] if sent else [])
