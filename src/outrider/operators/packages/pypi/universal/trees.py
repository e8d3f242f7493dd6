"""Environment markers as decision diagrams: two that mean the same are equal, whatever they are written like.

A node asks for one variable; the line of its values is cut into spans, and each span has a child. The order of variables, what stands
for what and which environments there are not, are those of `crates/uv-pep508/src/marker/algebra.rs` of uv 0.13, whose lock files write
markers as these diagrams have them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, Union

# Of text and of versions (the numbers of a release, without zeros at its end) either; a boolean variable has one value.
Value = str | tuple[int, ...]
# Just before a value (0) or just behind it (1).
Cut = tuple[Value, int]
STRING, VERSION, IN, CONTAINS, EXTRA = range(5)
STRINGS = (
    "os_name", "sys_platform", "platform_system", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_version", "implementation_name",
)  # fmt: skip
VERSIONS = ("implementation_version", "python_full_version")
# The first span of a boolean variable is that where it is true.
_TRUTH: Cut = ("", 0)
_CONFLICTING = 3
_MOST_KEPT = 20_000
# Pairs of `os_name` or `platform_system` and `sys_platform` that no machine has.
_NO_MACHINE = (
    ("os_name", "nt", ("linux", "darwin", "ios")),
    ("os_name", "posix", ("win32",)),
)
_SYSTEMS = ("FreeBSD", "NetBSD", "OpenBSD", "SunOS", "iOS", "iPadOS")
_PLATFORMS = ("aix", "android", "emscripten", "ios", "linux", "darwin", "win32", "cygwin", "wasi")
_ON_IOS = ("iOS", "iPadOS")
_NO_IOS = tuple(one for one in _PLATFORMS if one != "ios")


class Variable(NamedTuple):
    """What a node asks for; lower ones come first.

    Attributes:
        kind: STRING, VERSION, IN, CONTAINS or EXTRA.
        key: The number of its name among STRINGS or VERSIONS; 0 of an extra.
        value: What is looked for in it, or the name of the extra.
    """

    kind: int
    key: int = 0
    value: str = ""


class Node(NamedTuple):
    """A decision.

    Attributes:
        variable: Which.
        cuts: Where its spans end, but for the last one, which has no end.
        children: One for each span.
    """

    variable: Variable
    cuts: tuple[Cut, ...]
    children: tuple["Tree", ...]


Tree = Union[bool, Node]  # noqa: UP007 - a name in quotation marks has no operator |
PYTHON = Variable(VERSION, VERSIONS.index("python_full_version"))


def within(variable: Variable, low: Cut | None, high: Cut | None) -> Tree:
    """Return the tree that is true from one cut to another one; None stands for no end."""
    if low is not None and high is not None and low >= high:
        return False
    cuts = tuple(one for one in (low, high) if one is not None)
    children = ((False,) if low is not None else ()) + (True,) + ((False,) if high is not None else ())
    return _node(variable, cuts, children)


def equal_to(variable: Variable, value: Value) -> Tree:
    """Return the tree that is true of one value."""
    return within(variable, (value, 0), (value, 1))


def truth(variable: Variable) -> Tree:
    """Return the tree that is true where a boolean variable is."""
    return Node(variable, (_TRUTH,), (True, False))


def negation(tree: Tree) -> Tree:
    """Return the tree that is true where another one is not."""
    return not tree if isinstance(tree, bool) else tree._replace(children=tuple(map(negation, tree.children)))


def disjunction(trees: Iterable[Tree]) -> Tree:
    """Return the tree that is true where one of some is."""
    found: Tree = True
    for one in trees:
        found = conjunction(found, negation(one))
    return negation(found)


def conjunctions(trees: Iterable[Tree]) -> Tree:
    """Return the tree that is true where all of some are."""
    return negation(disjunction(map(negation, trees)))


def spans_of(variable: Variable, one: Tree, other: Tree) -> Iterator[tuple[Cut | None, Cut | None, Tree, Tree]]:
    """Yield the spans of the first variable of two trees: where each begins and ends, and what the trees are there."""
    nodes = [
        each if not isinstance(each, bool) and each.variable == variable else Node(variable, (), (each,))
        for each in (one, other)
    ]
    low = None
    for high, left, right in _spans(*nodes):
        yield low, high, left, right
        low = high


def conjunction(one: Tree, other: Tree) -> Tree:
    """Return the tree that is true where two are; false where no machine can be so."""
    if isinstance(one, bool):
        return other if one else False
    if isinstance(other, bool):
        return one if other else False
    return _conjunction(one, other)


@lru_cache(maxsize=_MOST_KEPT)
def _conjunction(one: Node, other: Node) -> Tree:
    if one == other:
        return one
    found = _joined(one, other, conjunction)
    both = all(each.variable.kind == STRING and each.variable.key < _CONFLICTING for each in (one, other))
    return False if both and _disjoint(found, _machines()) else found


def lowest_python(tree: Tree) -> Cut | None:
    """Return where the Pythons begin for which a tree may be true; None for no beginning."""
    pythons = _pythons_of(tree)
    return pythons.cuts[0] if not isinstance(pythons, bool) and not pythons.children[0] else None


def highest_python(tree: Tree) -> Cut | None:
    """Return where the Pythons end for which a tree may be true; None for no end."""
    pythons = _pythons_of(tree)
    return pythons.cuts[-1] if not isinstance(pythons, bool) and not pythons.children[-1] else None


def _pythons_of(tree: Tree) -> Tree:
    """Return the tree that is true of the Pythons for which another one may be."""
    if isinstance(tree, bool):
        return tree
    if tree.variable < PYTHON:
        return disjunction(map(_pythons_of, tree.children))
    if tree.variable == PYTHON:
        return _node(PYTHON, tree.cuts, tuple(_pythons_of(child) for child in tree.children))
    return True


def order_of(tree: Tree) -> tuple[Any, ...]:
    """Return what uv sorts trees by: versions before texts before extras, and then from the lowest value up."""
    if isinstance(tree, bool):
        return (0 if tree else 1,)
    rank = 2 if tree.variable.kind == VERSION else 3 + tree.variable.kind
    ends = [*((0, one) for one in tree.cuts), (1,)]
    children = tuple((end, order_of(child)) for end, child in zip(ends, tree.children, strict=True))
    return rank, tree.variable[1:], children


def disjoint(one: Tree, other: Tree) -> bool:
    """Return whether two trees are never true at once."""
    return conjunction(one, other) is False


def possible(tree: Tree, extras: Collection[str] = ()) -> bool:
    """Return whether a tree is true on some machine, with these extras and no others."""
    if isinstance(tree, bool):
        return tree
    if tree.variable.kind == EXTRA:
        return possible(tree.children[0 if tree.variable.value in extras else 1], extras)
    return any(possible(child, extras) for child in tree.children)


def with_extras(tree: Tree, extras: Collection[str]) -> Tree:
    """Return a tree where these extras are asked for; others are left open."""
    if isinstance(tree, bool):
        return tree
    if tree.variable.kind == EXTRA and tree.variable.value in extras:
        return with_extras(tree.children[0], extras)
    return _node(tree.variable, tree.cuts, tuple(with_extras(child, extras) for child in tree.children))


def among_pythons(tree: Tree, low: Cut | None, high: Cut | None) -> Tree:
    """Return the simplest tree that is the same for all versions of Python between two cuts."""
    if isinstance(tree, bool):
        return tree
    if tree.variable != PYTHON:
        return _node(tree.variable, tree.cuts, tuple(among_pythons(child, low, high) for child in tree.children))
    kept = [(low is None or one > low) and (high is None or one < high) for one in tree.cuts]
    first = sum(1 for one in tree.cuts if low is not None and one <= low)
    cuts = tuple(one for one, is_kept in zip(tree.cuts, kept, strict=True) if is_kept)
    return _node(tree.variable, cuts, tree.children[first : first + len(cuts) + 1])


def restricted(tree: Tree, assumed: Tree) -> Tree:
    """Return the simplest tree that is the same wherever another one is true, as `restrict` of uv finds it."""
    if isinstance(tree, bool) or assumed is True:
        return tree
    if isinstance(assumed, bool) or tree == negation(assumed):
        return False
    if tree == assumed:
        return True
    if tree.variable < assumed.variable:
        return _node(tree.variable, tree.cuts, tuple(restricted(child, assumed) for child in tree.children))
    if tree.variable > assumed.variable:
        return restricted(tree, disjunction(assumed.children))
    spans = list(_spans(tree, assumed))
    # Where the assumption is false, whatever comes first elsewhere will do.
    usual = next((restricted(one, other) for _, one, other in spans if other is not False), False)
    children = tuple(usual if other is False else restricted(one, other) for _, one, other in spans)
    return _node(tree.variable, tuple(cut for cut, _, _ in spans[:-1] if cut is not None), children)


def _node(variable: Variable, cuts: tuple[Cut, ...], children: tuple[Tree, ...]) -> Tree:
    """Return a node without cuts between spans that have the same child; that child where it is the only one."""
    kept_cuts: list[Cut] = []
    kept = [children[0]]
    for cut, child in zip(cuts, children[1:], strict=True):
        if child != kept[-1]:
            kept_cuts.append(cut)
            kept.append(child)
    return kept[0] if len(kept) == 1 else Node(variable, tuple(kept_cuts), tuple(kept))


def _joined(one: Node, other: Node, join: Callable[[Tree, Tree], Tree]) -> Tree:
    if one.variable < other.variable:
        return _node(one.variable, one.cuts, tuple(join(child, other) for child in one.children))
    if other.variable < one.variable:
        return _node(other.variable, other.cuts, tuple(join(child, one) for child in other.children))
    spans = list(_spans(one, other))
    cuts = tuple(cut for cut, _, _ in spans[:-1] if cut is not None)
    return _node(one.variable, cuts, tuple(join(left, right) for _, left, right in spans))


def _spans(one: Node, other: Node) -> Iterator[tuple[Cut | None, Tree, Tree]]:
    """Yield the spans of two nodes of one variable, each with its end and both children."""
    for cut in [*sorted({*one.cuts, *other.cuts}), None]:
        yield cut, _child(one, cut), _child(other, cut)


def _child(node: Node, end: Cut | None) -> Tree:
    """Return the child for the span that ends there or later."""
    return node.children[-1 if end is None else sum(1 for cut in node.cuts if cut < end)]


def _disjoint(one: Tree, other: Tree) -> bool:
    """Return whether two trees are never true at once, with nothing known of machines."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is False or other is False
    if one.variable < other.variable:
        return all(_disjoint(child, other) for child in one.children)
    if other.variable < one.variable:
        return all(_disjoint(one, child) for child in other.children)
    return all(_disjoint(left, right) for _, left, right in _spans(one, other))


@lru_cache(maxsize=1)
def _machines() -> Tree:
    """Return the tree that is true of the machines that there may be."""
    systems = [(one, _PLATFORMS if one not in _ON_IOS else _NO_IOS) for one in _SYSTEMS]
    pairs = [*_NO_MACHINE, *(("platform_system", system, platforms) for system, platforms in systems)]
    found: Tree = True
    for key, value, platforms in pairs:
        for platform in platforms:
            both = _plain(_string(key, value), _string("sys_platform", platform))
            found = _plain(found, negation(both))
    return found


def _plain(one: Tree, other: Tree) -> Tree:
    """Return a conjunction with nothing known of machines."""
    if isinstance(one, bool):
        return other if one else False
    if isinstance(other, bool):
        return one if other else False
    return _joined(one, other, _plain)


def _string(key: str, value: str) -> Tree:
    return equal_to(Variable(STRING, STRINGS.index(key)), value)
