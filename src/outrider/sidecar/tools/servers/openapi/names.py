"""Names of tools and arguments, as clients and providers of models take them."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

LONGEST_TOOL, LONGEST_ARGUMENT = 128, 64
# What is cut leaves room for a prefix.
CUT = 64
_OTHERS = re.compile(r"[^A-Za-z0-9_.-]+")


class Identity(msgspec.Struct, frozen=True):
    """An operation before it is looked at.

    Attributes:
        method: In capitals.
        path: As the document has it.
        id: Its operationId; empty where it has none.
    """

    method: str
    path: str
    id: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def fit(text: str, longest: int) -> str:
    """Return a text of letters, digits, `_`, `.` and `-`; one that is too long is cut, and ends with digits of its hash."""
    made = text if not _OTHERS.search(text) else _OTHERS.sub("_", text).strip("_")
    return made if len(made) <= longest else _marked(made, text)


def _marked(made: str, text: str) -> str:
    return f"{made[: CUT - 9]}_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def tool_names(operations: Sequence[Identity]) -> list[str]:
    """Return a name for each operation; it depends on no order.

    It is the operationId, or `method_path` where there is none or several have it, with digits of a hash where that is taken too.
    """
    ids = [fit(operation.id, LONGEST_TOOL) for operation in operations]
    seen = Counter(ids)
    own = {one for one in ids if one and seen[one] == 1}
    made = [
        one if one in own else fit(_spoken(operation), LONGEST_TOOL)
        for one, operation in zip(ids, operations, strict=True)
    ]
    taken = Counter(made)
    return [
        name if one in own or taken[name] == 1 else _marked(name, str(operation))
        for name, one, operation in zip(made, ids, operations, strict=True)
    ]


def _spoken(operation: Identity) -> str:
    words = _OTHERS.sub("_", operation.path).strip("_")
    return f"{operation.method.lower()}_{words}" if words else operation.method.lower()


def argument_names(parameters: Iterable[tuple[str, str]], taken: Iterable[str]) -> list[str]:
    """Return a name for each parameter, given as name and place: what is taken already gets the place, and a number.

    Args:
        parameters: In the order in which they get their names.
        taken: What none of them may be called.
    """
    used, names = set(taken), []
    for name, place in parameters:
        made = plain = fit(name, LONGEST_ARGUMENT) or place
        number = 1
        while made in used:
            made = f"{plain[: LONGEST_ARGUMENT - 12]}_{place}" + (f"_{number}" if number > 1 else "")
            number += 1
        used.add(made)
        names.append(made)
    return names
