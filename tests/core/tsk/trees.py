"""Trees for the property tests, and their comparison without places."""

from typing import Any

from hypothesis import strategies as st

from outrider.core.tsk.nodes import (
    Binary,
    CallOf,
    ListOf,
    Literal,
    ObjectOf,
    Range,
    Ref,
    Table,
    Ternary,
    Unary,
)

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,6}(-[a-z][a-z0-9]{0,3})?", fullmatch=True).filter(
    lambda name: name not in ("true", "false", "null")
)
KEYS = NAMES | st.text(min_size=1, max_size=8).filter(
    lambda text: text[0] not in "$[" and not any("\ud800" <= sign <= "\udfff" for sign in text)
)
TEXTS = st.text(max_size=12).filter(lambda text: not any("\ud800" <= sign <= "\udfff" for sign in text))
NUMBERS = st.integers(0, 10**20) | st.floats(0, 1e18, allow_nan=False).filter(lambda value: "e-" not in repr(value))
FIELDS = st.lists(NAMES, max_size=2).map(tuple)
CALLED = NAMES.filter(
    lambda name: name not in ("lambda", "each", "map", "query", "learn", "optimize", "fujsen", "include")
)
LEAVES = (
    st.builds(Literal, st.none() | st.booleans() | NUMBERS | TEXTS, st.just(0))
    | st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: Range(min(pair), max(pair), 0))
    | st.builds(Ref, st.sampled_from(["local", "global"]), NAMES, FIELDS, st.just(0))
    | st.builds(Ref, st.sampled_from(["env", "var"]), NAMES, FIELDS, st.just(0))
)


def _compound(inner: Any) -> Any:
    pairs = st.dictionaries(KEYS, inner, max_size=3)
    operators = st.sampled_from(["||", "&&", "==", "<", ">=", "+", "-", "*", "/", "%"])
    return (
        st.builds(ListOf, st.lists(inner, max_size=3), st.just(0))
        | pairs.map(lambda found: ObjectOf(found, dict.fromkeys(found, 0), 0))
        | st.builds(CallOf, CALLED, st.lists(inner, max_size=3), FIELDS, st.just(0))
        | st.builds(Unary, st.sampled_from(["!", "-"]), inner, st.just(0))
        | st.builds(Binary, operators, inner, inner, st.just(0))
        | st.builds(Ternary, inner, inner, inner, st.just(0))
    )


NODES = st.recursive(LEAVES, _compound, max_leaves=12)


def _table(entries: dict[str, Any]) -> Table:
    return Table(0, entries, dict.fromkeys(entries, 0))


TABLES = st.recursive(
    st.dictionaries(KEYS | NAMES.map(lambda name: f"${name}"), NODES, max_size=4).map(_table),
    lambda inner: st.dictionaries(KEYS, NODES | inner, max_size=4).map(_table),
    max_leaves=3,
)


def shape(node: Any) -> Any:
    """Return a tree without its places."""
    if isinstance(node, dict):
        return {key: shape(value) for key, value in node.items()}
    if isinstance(node, list):
        return [shape(item) for item in node]
    names = getattr(node, "__struct_fields__", None)
    if names is None:
        return (type(node).__name__, node) if isinstance(node, bool | int | float) else node
    return (type(node).__name__, *(shape(getattr(node, name)) for name in names if name not in ("at", "keys")))
