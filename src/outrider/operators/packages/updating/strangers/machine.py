"""What of this machine a repository could take, and the sentences that say so."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple


class Machine(NamedTuple):
    """What there is to take.

    Attributes:
        environment: Variables.
        given: Names of those that a repository may have.
    """

    environment: Mapping[str, str]
    given: Collection[str] = ()


def variables_taken(names: Collection[str], machine: Machine) -> Iterator[str]:
    """Yield which variables would be taken; where one is not set, there is nothing to take."""
    wanted = [one for one in names if machine.environment.get(one) and one not in machine.given]
    yield from (
        f"it asks for the variable {one} of this machine; where it may have that: --variables {one}" for one in wanted
    )


def reserved(key: str, place: str) -> str:
    """Return that a setting is that of the machine."""
    return f"a repository may not set {key}; it belongs into {place}"


def would_be_shown(key: str, what: str, place: str) -> str:
    """Return that credentials would go where a repository wants them."""
    return f"{what} would be shown to the server of {key}; where it may be: name that server in {place} too"
