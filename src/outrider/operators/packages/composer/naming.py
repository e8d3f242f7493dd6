"""Which names of packages some patterns mean, and which a repository may have.

https://getcomposer.org/doc/05-repositories.md#available-packages and https://getcomposer.org/doc/articles/repository-priorities.md.
"""

from collections.abc import Callable

from outrider.operators.packages.composer.roots import ComposerRoot


def matcher(patterns: list[str] | None) -> Callable[[str], bool] | None:
    """Return what says whether a name is one of some patterns, in which `*` stands for anything; None where there are none."""
    if not patterns:
        return None
    whole = {one.lower() for one in patterns if "*" not in one}
    open_ones = [one.lower().split("*") for one in patterns if "*" in one]
    return lambda name: name in whole or any(_fits(name, one) for one in open_ones)


def lister(root: ComposerRoot) -> Callable[[str], bool]:
    """Return what says whether a repository may have a document of a package, by what it says of itself."""
    names, patterns = set(root.names or ()), matcher(root.patterns) or (lambda _: False)
    says = root.names is not None or root.patterns is not None
    if root.metadata_url:
        return lambda name: not says or name in names or patterns(name)
    return lambda name: bool(root.lazy_url) or (bool(root.providers_url) and name in root.providers)


def _fits(name: str, parts: list[str]) -> bool:
    """Return whether a name consists of some parts in this order with anything between them."""
    first, *middle, last = parts
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    position, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
