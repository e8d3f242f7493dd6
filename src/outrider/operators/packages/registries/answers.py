"""What an answer of a registry means that is no document: what is wrong, and what helps."""

from outrider.core.errors import (
    ExecutionFailedError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.messages import Response
from outrider.operators.packages.registries.registry import Registry

_PROXY_LOGIN = 407
_RETRY_SECONDS = 5


class RegistryLoginError(UnauthenticatedError):
    """A registry, or the proxy before it, does not let us in. Where we ask for somebody else, it is not them who can log in there."""


def no_document(registry: Registry, shown: str, response: Response) -> OutriderError:
    """Return the error for an answer.

    Args:
        registry: Which was asked.
        shown: The address that was asked for, without credentials.
        response: The answer.
    """
    code, status, source = response.status, f"status {response.status}", registry.source
    if code in (404, 410, 451):
        return NotFoundError(f"{shown}: there is none", found=status, suggestions=["check the name"])
    if code in (401, 403):
        login = "with its login" if registry.headers or registry.authorization else "without a login"
        return RegistryLoginError(
            f"{shown}: the registry does not let us in", found=f"{status}, asked {login}", expected="credentials that it takes",
            suggestions=[registry.login, f"its address is from {source}"],
        )  # fmt: skip
    if code == _PROXY_LOGIN:
        return RegistryLoginError(
            f"{registry.proxy}: the proxy does not let us in", found=status, expected="a login that it takes",
            suggestions=["write http://USER:PASSWORD@HOST:PORT where the proxy is named"],
        )  # fmt: skip
    if code == 429:
        after = number_of(response.headers.get("retry-after") or "", _RETRY_SECONDS)
        return LimitedError(
            f"{shown}: too many requests", found=status, expected="fewer of them", retry_after=float(after),
            suggestions=[f"ask again in {after} s"],
        )  # fmt: skip
    if code >= 500:
        return UnavailableError(
            f"{shown}: the registry cannot answer now", found=status, expected="status 200",
            suggestions=["ask again later", f"name another registry: this address is from {source}"],
        )  # fmt: skip
    return ExecutionFailedError(
        f"{shown}: an answer that cannot be used", found=status, expected="status 200", suggestions=[f"check the address in {source}"]
    )  # fmt: skip


def number_of(text: str, otherwise: int) -> int:
    """Return a number of a header; longer ones than any size or time are none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else otherwise
