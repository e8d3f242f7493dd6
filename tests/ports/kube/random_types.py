"""Types as people write them for kinds of their own, at random."""

import datetime as dt
import enum
import random
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Left(msgspec.Struct, tag="left"):
    width: int = 1


class Right(msgspec.Struct, tag="right"):
    height: str


_RULE = {"x-kubernetes-validations": [{"rule": "self != ''", "message": "not empty"}]}
# Each with a default, or none.
_PLAIN: list[tuple[Any, Any]] = [
    (int, 3),
    (float, 1.5),
    (str, "text"),
    (bool, True),
    (bytes, b"ab"),
    (Color, Color.RED),
    (Level, Level.LOW),
    (Literal["a", "b"], "a"),
    (Literal[1, "b"], 1),
    (dt.date, dt.date(2026, 1, 2)),
    (dt.timedelta, dt.timedelta(seconds=5)),
    (Annotated[int, msgspec.Meta(ge=1, lt=10)], 2),
    (Annotated[float, msgspec.Meta(gt=0, le=1, multiple_of=0.5)], 0.5),
    (Annotated[str, msgspec.Meta(pattern="^[a-z]+$", min_length=1, max_length=9)], "abc"),
    (Annotated[str, msgspec.Meta(pattern="^a(?!b)")], "ac"),
    (Annotated[str, msgspec.Meta(extra_json_schema=_RULE)], "x"),
    (Left | Right, msgspec.NODEFAULT),
    (Any, None),
    (int | str, 80),
    (bool | str, "x"),
    (set[str], msgspec.NODEFAULT),
    (tuple[int, str], (1, "a")),
]


def random_struct(chance: random.Random, depth: int = 3) -> type[msgspec.Struct]:
    """Return a struct with fields of all sorts."""
    required, optional = [], []
    for index in range(chance.randint(1, 5)):
        kind, default = _random(chance, depth)
        name = f"{chance.choice('abcdef')}_field_{index}"
        if default is msgspec.NODEFAULT or chance.random() < 0.4:
            required.append((name, kind))
        else:
            optional.append((name, kind, default))
    return msgspec.defstruct(
        f"Random{chance.getrandbits(40)}", [*required, *optional], rename=chance.choice([None, "camel"]),
        forbid_unknown_fields=chance.random() < 0.5, kw_only=True,
    )  # fmt: skip


def _random(chance: random.Random, depth: int) -> tuple[Any, Any]:
    if depth == 0 or chance.random() < 0.5:
        return chance.choice(_PLAIN)
    inner: Any = _random(chance, depth - 1)[0] if chance.random() < 0.5 else random_struct(chance, depth - 1)
    shapes: list[Callable[[Any], tuple[Any, Any]]] = [
        lambda one: (one, msgspec.NODEFAULT),
        lambda one: (one | None, None) if isinstance(one, type) else (one, msgspec.NODEFAULT),
        lambda one: (list[one], []),  # type: ignore[valid-type]  # made at run time
        lambda one: (Annotated[list[one], msgspec.Meta(max_length=5)], msgspec.NODEFAULT),  # type: ignore[valid-type]  # so too
        lambda one: (dict[str, one], {}),  # type: ignore[valid-type]  # so too
    ]
    return chance.choice(shapes)(inner)
