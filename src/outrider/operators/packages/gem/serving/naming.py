"""Names of gems within names of files, and names that must not be asked of others."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from outrider.core.errors import NotFoundError
from outrider.operators.packages.gem.lines import is_name
from outrider.operators.packages.serving.hub import Hub

_LONGEST = 400
# Others are asked for each of them that is not known.
_MOST = 4


def is_closed(hub: Hub, name: str) -> bool:
    """Return whether nobody else may be asked for a gem: it is private, or differs from what is by large and small letters alone.

    To RubyGems such names are two, but its registry has only one of them, so that nobody means the other one.
    """
    return hub.is_private(name) or any(fnmatchcase(name.lower(), one.lower()) for one in hub.settings.private)


def require_open(hub: Hub, name: str) -> None:
    """Refuse to ask others for a gem that nobody else may be asked for.

    Raises:
        NotFoundError: It is too near to what is private.
    """
    if not hub.is_private(name) and is_closed(hub, name):
        raise NotFoundError(
            f"gem {name}: there is none, and nobody else is asked: it differs from what is private by large and small letters alone",
            found=name, suggestions=["check the name"],
        )  # fmt: skip


def gems_of(hub: Hub, full_name: str) -> list[str]:
    """Return the gems whose file a full name may be, in the order in which to look: `a-1-b-2` is of `a`, or of `a-1-b`.

    Args:
        hub: Has gems.
        full_name: `NAME-VERSION` or `NAME-VERSION-PLATFORM`.
    """
    found = [*before_versions(full_name)] if len(full_name) <= _LONGEST else []
    # Where it may be a private one it is none of anybody else.
    found = [one for one in found if is_closed(hub, one)] or found
    states = {one: hub.store.tables.state(hub.ecosystem, one) for one in found}
    return sorted(found, key=lambda one: (state := states[one]) is None or not state.there)[:_MOST]


def before_versions(full_name: str) -> Iterator[str]:
    """Yield what may be the name within a full name: what stands before something that begins as a version."""
    words = full_name.split("-")
    for at, word in enumerate(words):
        name = "-".join(words[:at])
        if word[:1].isdigit() and is_name(name):
            yield name
