"""Opens a store in a database."""

from outrider.core.errors import InternalError, InvalidConfigError, MissingRequirementError
from outrider.ports.clock import Clock
from outrider.sidecar.memory.model import Quota
from outrider.sidecar.memory.redis.conversations import RedisConversations
from outrider.sidecar.memory.redis.database import RedisDatabase
from outrider.sidecar.memory.redis.entries import RedisKeyValues
from outrider.sidecar.memory.redis.vectors import RedisVectors

_NO_QUOTA = Quota()


async def open_conversations(
    url: str, *, clock: Clock, password: str | None = None, quota: Quota = _NO_QUOTA
) -> RedisConversations:
    """Open the conversations of a database.

    Raises:
        OutriderError: As `RedisDatabase`, or it cannot be reached.
    """
    return RedisConversations(await _opened(url, password), clock, quota)


async def open_key_values(
    url: str, *, clock: Clock, password: str | None = None, quota: Quota = _NO_QUOTA
) -> RedisKeyValues:
    """Open the keys and values of a database.

    Raises:
        OutriderError: As `RedisDatabase`, or it cannot be reached.
    """
    return RedisKeyValues(await _opened(url, password), clock, quota)


async def open_vectors(
    url: str, *, clock: Clock, password: str | None = None, quota: Quota = _NO_QUOTA
) -> RedisVectors:
    """Open the vectors of a database.

    Raises:
        MissingRequirementError: The server has no search.
        InvalidConfigError: It is not database 0, the only one that is searched.
        OutriderError: As `RedisDatabase`, or it cannot be reached.
    """
    database = await _opened(url, password)
    try:
        if database.number != 0:
            raise InvalidConfigError(
                "memory: Redis searches its database 0 only", found=str(database.number), expected="0"
            )
        await _check_search(database)
    except BaseException:
        await database.close()
        raise
    return RedisVectors(database, clock, quota)


async def _opened(url: str, password: str | None) -> RedisDatabase:
    database = RedisDatabase(url, password=password)
    try:
        await database.command("PING")
    except BaseException:
        await database.close()
        raise
    return database


async def _check_search(database: RedisDatabase) -> None:
    try:
        await database.command("FT._LIST")
    except InternalError as error:
        raise MissingRequirementError(
            "vectors in Redis need its search, and this server has none", found=error.message,
            expected="Redis 8 or newer with its query engine, or the module RediSearch",
            suggestions=["keep vectors in SQLite or in PostgreSQL, and conversations and values here"],
        ) from error  # fmt: skip
