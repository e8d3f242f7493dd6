"""Sends files to registries, with what must be shown there."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from outrider.core.errors import ConnectionFailedError, OutcomeUnknownError, UnauthenticatedError
from outrider.core.http.messages import Response
from outrider.operators.packages.registries.downloads import Downloads, opened_downloads
from outrider.operators.packages.registries.refusals import refusal
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.resolving.questions import Question


def shown_to(registry: Registry, *remedies: str) -> Registry:
    """Return a registry to which something is shown.

    Args:
        registry: Which.
        remedies: How its native client is told what to show.

    Raises:
        UnauthenticatedError: Nothing is.
    """
    if registry.authorization is None and not registry.headers:
        raise UnauthenticatedError(
            f"{registry.url}: to publish there, credentials have to be shown", found="none in the settings of the native client",
            expected="a token that may publish", suggestions=remedies,
        )  # fmt: skip
    return registry


def opened_uploads(registry: Registry, question: Question) -> AbstractAsyncContextManager[Downloads]:
    """Have what sends to a registry; how long a file takes is for whoever calls to say."""
    return opened_downloads(registry, question.clock, max(question.deadline - question.clock.monotonic(), 1.0))


async def upload(
    downloads: Downloads, method: str, url: str, body: bytes, headers: Mapping[str, str], *, taken: Sequence[int] = (200, 201, 202)
) -> Response:  # fmt: skip
    """Send something once, and return the answer.

    Args:
        downloads: Of the registry.
        method: `PUT` or `POST`.
        url: Where to.
        body: Of the request.
        headers: Further fields of it.
        taken: The status of answers that mean that it was taken.

    Raises:
        OutcomeUnknownError: The connection failed after something was sent.
        OutriderError: Why it was not taken, in the words of the registry.
    """
    try:
        response = await downloads.send(method, url, body, headers)
    except ConnectionFailedError as error:
        if not error.sent:
            raise
        raise OutcomeUnknownError(
            f"{url}: the connection ended before the registry has answered: {error.message}", found="no answer", expected="an answer",
            suggestions=["do it again: what is there with the same content is left as it is"],
        ) from error  # fmt: skip
    if response.status not in taken:
        raise refusal(url, response)
    return response
