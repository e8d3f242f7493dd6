"""Other versions that a branch is called by: `dev-main` may be `1.x-dev` too.

https://getcomposer.org/doc/articles/aliases.md, and the method `getBranchAlias` of Composer's class `ArrayLoader`:
https://github.com/composer/composer/blob/2.5.5/src/Composer/Package/Loader/ArrayLoader.php.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.stabilities import DEV, stability_of
from outrider.operators.packages.versions.composer import normal_form

# What stands for the branch that is taken where none is named.
DEFAULT_BRANCH = "9999999-dev"
_NUMBERED = re.compile(r"v?\d+(?:\.(?:\d+|[x*])){0,3}", re.IGNORECASE | re.ASCII)
_PREFIX = re.compile(r"((?:\d+\.)*\d+)(?:\.x)?-dev", re.IGNORECASE | re.ASCII)
_OPEN_NUMBERS = re.compile(r"(?:\.9{7})+")
_INLINE = re.compile(r"(?:^|\| *|, *)([^,\s#|]+)(?:#[^ ]+)? +as +([^,\s|]+)(?:$| *\|| *,)")
_PINNED = re.compile(r"[^,\s@]+?#([a-f0-9]+)")


class InlineAlias(NamedTuple):
    """What a constraint calls by another version.

    Attributes:
        version: In its normal form.
        alias: The other version, likewise.
        written: The other version as it is written.
    """

    version: str
    alias: str
    written: str


def branch_alias(version: str, aliases: Iterable[tuple[str, str]], *, is_default: bool) -> str:
    """Return the normal form of the version that a branch stands for too; empty where there is none.

    Args:
        version: As it is written.
        aliases: Branches with what they stand for, as `extra.branch-alias` has them.
        is_default: Whether it is the branch that is taken where none is named.
    """
    if not version.startswith("dev-") and not version.endswith("-dev"):
        return ""
    for branch, target in aliases:
        if branch.lower() == version.lower() and (normal := _alias(branch, target)):
            return normal
    return DEFAULT_BRANCH if is_default and _PREFIX.fullmatch(version) is None else ""


def _alias(branch: str, target: str) -> str:
    """Return the normal form of an alias; empty where it is none, or is not below the number of the branch."""
    if target == DEFAULT_BRANCH:
        normal = target
    elif target.endswith("-dev") and (numbers := _NUMBERED.fullmatch(target[:-4].strip())):
        # What it does not name is open, although a version that is written like that would have zeros there.
        normal = normal_form(f"{numbers[0]}{'.x' * (3 - numbers[0].count('.'))}-dev")
    else:
        return ""
    own, other = _PREFIX.fullmatch(branch), _PREFIX.fullmatch(target)
    return "" if own and other and not f"{other[1]}.".startswith(f"{own[1]}.") else normal


def written(normal: str) -> str:
    """Return an alias as people write it, by its normal form."""
    return _OPEN_NUMBERS.sub(".x", normal)


def inline_aliases(constraint: str) -> Iterator[InlineAlias]:
    """Yield what a constraint calls by another version: `dev-main as 1.0.x-dev`.

    Raises:
        InvalidConfigError: One of them is no version.
    """
    match = _INLINE.search(constraint)
    if match is not None:
        yield InlineAlias(normal_form(match[1]), normal_form(match[2]), match[2])
    elif " as " in constraint:
        raise InvalidConfigError(
            f"{constraint[:80]!r} calls no version by another one", found=constraint[:80], expected="dev-main as 1.0.x-dev",
            suggestions=["name one version on each side"],
        )  # fmt: skip


def reference_of(constraint: str) -> str:
    """Return the commit of a branch that a constraint names: `dev-main#abc123`; empty where it names none."""
    version = constraint.partition(" as ")[0]
    match = _PINNED.fullmatch(version)
    return match[1] if match is not None and stability_of(version) == DEV else ""
