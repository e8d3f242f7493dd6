"""What is raised where a registry cannot be asked, or gives no answer that can be used."""

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
    LimitedError,
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


def told(error: OutriderError) -> str:
    """Return in one sentence what went wrong, and what would help."""
    return "; ".join((error.message, *error.suggestions[:1]))
