"""Keeps what was learned of registries, however a question ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from outrider.core.errors import ExecutionFailedError


@contextmanager
def kept(keep: Callable[[], None]) -> Iterator[None]:
    """Keep what was learned behind some work: it is as true where that went wrong, and then that is what has to be told.

    Raises:
        ExecutionFailedError: It cannot be kept, and nothing else went wrong.
    """
    try:
        yield
    except BaseException:
        with suppress(ExecutionFailedError):
            keep()
        raise
    keep()
