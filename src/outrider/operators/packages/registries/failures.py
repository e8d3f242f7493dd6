"""What is raised where a registry cannot be asked, gives no answer that can be used, or does not have a package."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.operators.packages.registries.registry import UnknownRegistryError

UNREACHED: tuple[type[OutriderError], ...] = (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
    LimitedError,
    UnauthenticatedError,
    UnavailableError,
    UnknownRegistryError,
)

# Each ecosystem asks again after five or ten minutes.
_JUST_PUBLISHED = "ask again in ten minutes, if it was published just now: so long is kept what a registry says"


@contextmanager
def looked_in(places: Iterable[str]) -> Iterator[None]:
    """Have the error that there is no such package say where it was looked for: it may be the wrong place.

    Args:
        places: Addresses of registries.

    Raises:
        NotFoundError: As it was raised.
    """
    try:
        yield
    except NotFoundError as error:
        error.expected = error.expected or f"a package of {', '.join(dict.fromkeys(places))}"
        error.suggestions = [*error.suggestions, _JUST_PUBLISHED]
        raise


def told(error: OutriderError) -> str:
    """Return in one line what went wrong, and what would help."""
    return "; ".join((error.message, *error.suggestions))
