"""A Redis database. What must happen at once happens in a script, which Redis runs alone; the scripts stand in `scripts`.

How much of what was answered survives the end of the server is said by its own settings (`appendonly`, `appendfsync`). A server that
may throw away keys when its memory is full (`maxmemory-policy`) is no place for what is to be remembered. What was deleted stands in
its append-only file until that is written anew.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from outrider.core.errors import (
    ExecutionFailedError,
    InternalError,
    InvalidConfigError,
    MissingRequirementError,
    OutcomeUnknownError,
    OutriderError,
    UnavailableError,
)
from outrider.sidecar.memory.limits import check_scope
from outrider.sidecar.memory.model import Quota, Scope

CONNECTIONS = 16
CONNECT_SECONDS, ANSWER_SECONDS, POOL_SECONDS = 5.0, 30.0, 10.0
_SCRIPTS = Path(__file__).parent / "scripts"
# Named as the driver names its errors; of others it leaves the word with which the server began.
_REFUSALS = ("AuthenticationError", "AuthorizationError", "NoPermissionError")
_PASSING = (
    "OutOfMemoryError",
    "ReadOnlyError",
    "BusyLoadingError",
    "ClusterDownError",
    "TryAgainError",
    "MasterDownError",
)
_PASSING_WORDS = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE")


class Script(NamedTuple):
    """A script and the name by which Redis knows it."""

    text: str
    sha: str


class RedisDatabase:
    """One database.

    Args:
        url: `redis://HOST:PORT/NUMBER`, or `rediss://` with TLS.
        password: Where it is not in the URL.
        purpose: What it is for, as errors say.
        scripts: Folder of its scripts; `common.lua` comes before each.

    Raises:
        InvalidConfigError: The URL cannot be read.
        MissingRequirementError: The driver is not installed.
    """

    def __init__(
        self, url: str, *, password: str | None = None, purpose: str = "memory", scripts: Path = _SCRIPTS
    ) -> None:  # fmt: skip
        self._scripts = scripts
        self._driver = driver = _driver()
        more = {"password": password} if password is not None else {}
        try:
            self._pool = driver.asyncio.BlockingConnectionPool.from_url(
                url, max_connections=CONNECTIONS, timeout=POOL_SECONDS, protocol=2, socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=CONNECT_SECONDS,
                # A change that was sent is not sent again: it may have been made.
                retry=driver.asyncio.retry.Retry(driver.backoff.NoBackoff(), 0), **more,
            )  # fmt: skip
        except (ValueError, AttributeError) as error:
            raise InvalidConfigError(
                f"{purpose}: not the address of a Redis server", found=url.rpartition("@")[2],
                expected="redis://HOST:PORT/NUMBER", suggestions=["the password belongs into a secret"],
            ) from error  # fmt: skip
        self._client = driver.asyncio.Redis(connection_pool=self._pool)
        arguments = self._pool.connection_kwargs
        self.number = int(arguments.get("db") or 0)
        self.name = f"{purpose} {arguments.get('host', arguments.get('path', 'localhost'))}/{self.number}"

    async def command(self, *words: Any) -> Any:
        """Run a command that changes nothing, or the same if it is run twice."""
        async with self._translated(changing=False):
            return await self._client.execute_command(*words)

    async def read(self, name: str, keys: Sequence[bytes], *arguments: Any) -> Any:
        """Run a script that changes nothing."""
        async with self._translated(changing=False):
            return await self._run(name, keys, arguments)

    async def change(self, name: str, keys: Sequence[bytes], *arguments: Any) -> Any:
        """Run a script that changes something.

        Raises:
            OutcomeUnknownError: The connection was lost while it ran.
        """
        async with self._translated(changing=False):
            # Where none can be made, or what was the last has ended meanwhile, nothing has been sent.
            await self._pool.release(await self._pool.get_connection())
        async with self._translated(changing=True):
            return await self._run(name, keys, arguments)

    async def together(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Run reading commands on one state of the database, and return their answers."""
        if not commands:
            return []
        async with self._translated(changing=False), self._client.pipeline(transaction=True) as pipeline:
            for words in commands:
                pipeline.execute_command(*words)
            answers: list[Any] = await pipeline.execute()
            return answers

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._pool.aclose()

    async def _run(self, name: str, keys: Sequence[bytes], arguments: Sequence[Any]) -> Any:
        script = _script(self._scripts, name)
        try:
            return await self._client.evalsha(script.sha, len(keys), *keys, *arguments)
        except self._driver.exceptions.NoScriptError:  # the server has been started anew
            return await self._client.eval(script.text, len(keys), *keys, *arguments)

    @contextlib.asynccontextmanager
    async def _translated(self, *, changing: bool) -> AsyncIterator[None]:
        try:
            yield
        except (self._driver.exceptions.RedisError, OSError) as error:
            raise self._error(error, changing=changing) from error

    def _error(self, error: Exception, *, changing: bool) -> OutriderError:
        faults, text = self._driver.exceptions, str(error).strip()
        kinds = {kind.__name__ for kind in type(error).__mro__}
        reason = f"{self.name}: {text.splitlines()[0] if text else type(error).__name__}"
        if kinds & {*_REFUSALS}:
            return ExecutionFailedError(reason, found=text, suggestions=["check user, password and the user's rights"])
        passing = bool(kinds & {*_PASSING}) or text.startswith(_PASSING_WORDS)
        if isinstance(error, faults.ResponseError) and not passing:
            return InternalError(reason)
        if changing and not passing:
            return OutcomeUnknownError(
                reason, found=text, suggestions=["read whether it was written before you write it again"]
            )
        return UnavailableError(reason, found=text, suggestions=["is the Redis server up?"], retry_after=1.0)


def prefix(kind: str, scope: Scope) -> bytes:
    """Return what all keys of a memory begin with: the braces keep them on one node of a cluster."""
    check_scope(scope)
    names = "/".join(quote(name, safe="") for name in (scope.tenant, scope.agent, scope.name))
    return f"outrider:memory:{{{kind}/{names}}}:".encode()


def most(quota: Quota) -> tuple[str, str]:
    """Return a quota as the scripts take it."""
    return ("" if quota.entries is None else str(quota.entries), "" if quota.bytes is None else str(quota.bytes))


@cache
def _script(folder: Path, name: str) -> Script:
    text = (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _driver() -> Any:
    try:
        import redis.asyncio  # noqa: PLC0415 - only who has Redis has it
        import redis.backoff  # noqa: PLC0415 - only who has Redis has it
    except ModuleNotFoundError as error:
        raise MissingRequirementError(
            "Redis needs the driver redis", found=str(error), expected="the extra `redis`",
            suggestions=["pip install 'outrider[redis]'"],
        ) from error  # fmt: skip
    return redis
