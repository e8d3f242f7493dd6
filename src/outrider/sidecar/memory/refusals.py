"""What stores say where they refuse, in the same words each."""

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError


def known_message(session: str, ident: str) -> ConflictError:
    """Return what is raised where a session has a message of the same id."""
    return ConflictError(
        f"session '{session}' has message '{ident}' already", found=ident, expected="a new id",
        suggestions=["leave the id out", "if this is a retry: it was stored the first time"],
    )  # fmt: skip


def unknown_message(session: str, ident: str) -> NotFoundError:
    """Return what is raised where a session has no such message."""
    return NotFoundError(f"session '{session}' has no message '{ident}'", path="up_to", found=ident)


def changed_messages(session: str, ident: str) -> ConflictError:
    """Return what is raised where a summary would take the place of something else than what it sums up."""
    return ConflictError(
        f"session '{session}' has changed: up to message '{ident}' stands something else than was summed up", path="summed",
        found=ident, expected="the messages as they were read", suggestions=["read them again, and sum up what is there now"],
    )  # fmt: skip


def split_turn(session: str, ident: str) -> InvalidConfigError:
    """Return what is raised where a summary would part the call of a tool from its results."""
    return InvalidConfigError(
        f"session '{session}': behind message '{ident}' come results of tools that were called before", path="up_to",
        found=ident, expected="the last message of a turn",
        suggestions=["summarise up to the last result", "summarise up to the message before the call"],
    )  # fmt: skip


def wrong_version(key: str, found: int, expected: int) -> ConflictError:
    """Return what is raised where an entry is not the one that the caller has seen; version 0 is none at all."""
    return ConflictError(
        f"'{key}' has changed: it has {_version(found)}", path="if_version", found=str(found), expected=str(expected),
        suggestions=["read it again, and write what follows from that"], context={"version": found},
    )  # fmt: skip


def _version(number: int) -> str:
    return f"version {number}" if number else "no value"


def neither_nor() -> InvalidConfigError:
    """Return what is raised where it is not clear which items are meant."""
    return InvalidConfigError("items are named by their ids or by their metadata", expected="either `ids` or `where`")
