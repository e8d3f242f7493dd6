"""Random plain data, as documents and messages hold it."""

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from outrider.core.errors import OutriderError

T = TypeVar("T")

keys = st.text(max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    scalars | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def outcome(read: Callable[[], T]) -> T | OutriderError:
    """Return what a reader returns or, where it refuses, its error; any other exception goes through."""
    try:
        return read()
    except OutriderError as error:
        return error


def shuffled(value: Any, random: Random) -> Any:
    """Return the same value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        names = list(value)
        random.shuffle(names)
        return {name: shuffled(value[name], random) for name in names}
    if isinstance(value, list):
        return [shuffled(element, random) for element in value]
    return value
