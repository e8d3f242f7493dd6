"""Versions such as `2.1+cpu` beside `2.1`, which has wheels for machines that they have none for: each is for its own machines.

`fork_version_registry` in crates/uv-resolver/src/resolver/mod.rs of uv 0.13.
"""

from collections.abc import Iterator

from outrider.operators.packages.pypi.records import PypiRecord
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, conjunction, disjoint, disjunction, negation
from outrider.operators.packages.pypi.universal.wheel_machines import machines_of
from outrider.operators.packages.versions.ecosystems import scheme_of

_SYSTEMS = ("darwin", "linux", "win32")


def out_of_place(record: PypiRecord, pythons: PythonRange, where: Tree) -> Iterator[tuple[int, int]]:
    """Yield the local versions that have no wheel on some machines, each with that which has one and is chosen in its place.

    Args:
        record: Of the project.
        pythons: That are meant.
        where: The machines.
    """
    for local, plain in plain_versions(record).items():
        own, rest = _machines(record, local, plain, pythons)
        if not disjoint(rest, where) and disjoint(own, where):
            yield local, plain


def told_apart(record: PypiRecord, version: int, allowed: int, pythons: PythonRange, where: Tree) -> list[Tree]:
    """Return two kinds of machines where a local version was chosen, and has fewer wheels than that without what is local; else one.

    Args:
        record: Of the project.
        version: That was chosen.
        allowed: The mask of the versions that might be.
        pythons: That are meant.
        where: The machines.
    """
    plain = plain_versions(record).get(version) if "+" in record.versions[version] else None
    if plain is None or not allowed >> plain & 1:
        return [where]
    own, rest = _machines(record, version, plain, pythons)
    if disjoint(rest, where):
        return [where]
    # Where neither is for a whole system, a part of it needs not be told apart.
    systems = [marker_tree(f"sys_platform == '{one}'") for one in _SYSTEMS]
    rest = disjunction([rest, *(one for one in systems if disjoint(own, one) and not disjoint(rest, one))])
    both = [conjunction(where, rest), conjunction(where, negation(rest))]
    return [where] if False in both else both


def _machines(record: PypiRecord, local: int, plain: int, pythons: PythonRange) -> tuple[Tree, Tree]:
    """Return where a local version runs, and where that without what is local runs besides."""
    own, other = (_runs_on(record, one, pythons) for one in (local, plain))
    return own, conjunction(other, negation(own))


def _runs_on(record: PypiRecord, version: int, pythons: PythonRange) -> Tree:
    """Return the machines on which a version runs; all of them where it has a source distribution."""
    if record.shape(version).source:
        return True
    return machines_of(tuple(tags for _, tags in record.wheels_of(version)), pythons)


def plain_versions(record: PypiRecord) -> dict[int, int]:
    """Return the numbers of local versions, each with that of the version without what is local."""
    local = {at: one.partition("+")[0] for at, one in enumerate(record.versions) if "+" in one}
    if not local:
        return {}
    parse = scheme_of("pypi").parse
    numbers = {parse(one).key: at for at, one in enumerate(record.versions) if "+" not in one}
    return {at: numbers[key] for at, one in local.items() if (key := parse(one).key) in numbers}
