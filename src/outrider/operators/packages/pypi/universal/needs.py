"""What is needed on some machines, and where machines have to be told apart.

`flatten_requirements` and `Forks::new` of `crates/uv-resolver/src/resolver/mod.rs` of uv 0.13.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.trees import (
    Cut,
    Tree,
    conjunction,
    disjoint,
    lowest_python,
    negation,
    possible,
    with_extras,
)

# What a range has that has an end.
_ENDING = re.compile(r"(?:^|,)\s*(?:<|==|~=)")


def applicable(needs: Iterable[Need], extra: str, where: Tree, pythons: Tree = True) -> Iterator[tuple[Need, Tree]]:
    """Yield what is needed with an extra and not without any, or without any, on some machines, and on some Pythons; and on which."""
    for need in needs:
        try:
            tree = marker_tree(need.marker)
        except InvalidConfigError:
            continue  # what makes no sense is not so, as for whoever chooses
        is_usual = possible(tree)
        counts = not is_usual and possible(tree, (extra,)) if extra else is_usual
        if counts and not disjoint(tree, where) and not disjoint(tree, pythons):
            yield need, with_extras(tree, (extra,)) if extra else tree


def flat(
    needs: Sequence[Need], name: str, extra: str, where: Tree, pythons: Tree = True
) -> Iterator[tuple[Need, Tree]]:
    """Yield what a package needs with an extra, or without any; its own extras stand for what they need."""
    waiting: list[tuple[str, Tree]] = [(extra, True)]
    seen: set[tuple[str, Tree]] = set()
    while waiting:
        one, above = waiting.pop(0)
        if (one, above) in seen:
            continue
        seen.add((one, above))
        for need, tree in applicable(needs, one, where, pythons):
            both = conjunction(tree, above)
            if need.name == name:
                waiting += [(each, both) for each in need.extras]
            else:
                yield need, both


def raises(tree: Tree, low: Cut | None) -> bool:
    """Return whether a marker holds for no Python as low as one."""
    own = lowest_python(tree)
    return own is not None and (low is None or own > low)


def kinds(where: Tree, pythons: Tree, needs: Iterable[tuple[Need, Tree]]) -> list[Tree]:
    """Return the kinds of machines that have to be told apart for one list of needs.

    That is where a name stands in it more than once, for different machines, or for higher Pythons alone. Those with the lowest Pythons
    come first, and of them those for which the fewest versions have an end.
    """
    needs = [*needs]
    by_name: dict[str, list[Tree]] = {}
    for need, tree in needs:
        by_name.setdefault(need.name, []).append(tree)
    low = lowest_python(conjunction(where, pythons))
    found = [where]
    for _, trees in sorted(by_name.items()):
        if all(tree == trees[0] for tree in trees) and not raises(trees[0], low):
            continue
        for tree in trees:
            if tree is not True and not disjoint(where, tree):
                found = [one for one in _told_apart(found, tree) if not disjoint(one, pythons)]
    ending = [(max(1, len(need.extras)), tree) for need, tree in needs if _ENDING.search(need.range)]
    return sorted(
        found,
        key=lambda one: (lowest_python(one) or (), sum(count for count, tree in ending if not disjoint(tree, one))),
    )


def _told_apart(kinds: Iterable[Tree], tree: Tree) -> Iterator[Tree]:
    for one in kinds:
        if disjoint(one, tree):
            yield one
            continue
        outside = conjunction(one, negation(tree))
        if outside is not False:
            yield outside
        yield conjunction(one, tree)
        tree = conjunction(tree, negation(one))
