import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each test on both event loops: the product takes the fast one, where it is installed."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
