"""What can be looked at: the server itself, the length of a list, a key."""

from __future__ import annotations

import re

from outrider_delivery import NAME, line
from resp import ServerError

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis_trigger import Redis
    from resp import Connection

DIGITS = re.compile(r"[0-9]{1,9}")


async def ping(trigger: Redis, connection: Connection) -> None:
    """See whether the server answers, and which role it has."""
    await connection.ask("PING")
    facts = await replication(connection)
    role = {"slave": "replica"}.get(facts.get("role", ""), facts.get("role", ""))
    if facts.get("master_link_status", "up") != "up":
        trigger.unlinked(role=role, master=f"{facts.get('master_host')}:{facts.get('master_port')}")
        return
    replicas = facts.get("connected_slaves", "")
    master = f"{facts['master_host']}:{facts.get('master_port')}" if "master_host" in facts else ""
    trigger.up(role=role, master=master, replicas=int(replicas) if DIGITS.fullmatch(replicas) else 0)


async def replication(connection: Connection) -> dict[str, str]:
    """Return the section of INFO; nothing for a user who may not ask for it."""
    try:
        text = await connection.ask("INFO", "replication")
    except ServerError as error:
        if not str(error).startswith("NOPERM"):
            raise
        return {}
    lines = text.decode("utf-8", "replace").splitlines() if isinstance(text, bytes) else []
    return {name: line(value, NAME) for name, _, value in (entry.partition(":") for entry in lines)}


async def list_length(trigger: Redis, connection: Connection) -> None:
    """See whether a list is too long or too short."""
    config = trigger.config
    length = whole(await connection.ask("LLEN", config["key"]))
    trigger.up()
    over, under = length > config.get("above", length), length < config.get("below", length)
    bounds = " or ".join(f"{name} {config[name]}" for name in ("above", "below") if name in config)
    beyond = f"above {config['above']}" if over else f"below {config['below']}" if under else f"not {bounds}"
    trigger.judge(f"{config['key']} has {length} elements, {beyond}", bad=over or under, length=length)


async def key_exists(trigger: Redis, connection: Connection) -> None:
    """See whether a key is there."""
    config = trigger.config
    exists = whole(await connection.ask("EXISTS", config["key"])) > 0
    trigger.up()
    detail = f"{config['key']} is {'there' if exists else 'missing'}"
    trigger.judge(detail, bad=exists == (config["bad_when"] == "present"), exists=exists)


def whole(reply: object) -> int:
    """Return a reply that must be an integer."""
    if not isinstance(reply, int):
        raise ConnectionError("the answer is no number")
    return reply


LOOKS: dict[str, Callable[[Redis, Connection], Awaitable[None]]] = {
    "ping": ping,
    "list-length": list_length,
    "key-exists": key_exists,
}
