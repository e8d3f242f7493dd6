"""Where a version has other hashes than a lock said: its files are not those that were locked."""

from collections.abc import Iterator, Sequence

from outrider.core.errors import ConflictError
from outrider.operators.packages.locks.lock import Lock, LockedPackage

_SHOWN = 12


def hash_changes(before: Lock | None, after: Lock) -> list[str]:
    """Return for which versions of both locks none of the hashes is the same, in words.

    Files are added to versions, so that one that is the same is enough. What is in a folder or a file of the machine may change.
    """
    known = {_identity(one): one for one in before.packages} if before is not None else {}
    return [
        f"{one.called} {one.version} was locked with {_shown(algorithm, was)}, and now has {_shown(algorithm, now)}"
        for one in after.packages if one.source != "path" and _identity(one) in known
        for algorithm, was, now in _disjoint(known[_identity(one)], one)
    ]  # fmt: skip


def refuse_hash_changes(path: str, changes: Sequence[str]) -> None:
    """Refuse to replace hashes of versions that stay.

    Args:
        path: Of the lock.
        changes: As `hash_changes` has them.

    Raises:
        ConflictError: There are some.
    """
    if changes:
        raise ConflictError(
            f"{path}: {'; '.join(changes)}: published anew, tampered with, or of another registry", path="file", found="other files of the same versions",
            expected="files that have the hashes of the lock",
            suggestions=[
                "find out which of them is right", "where the new ones are: take those entries out of the lock, or lock without --keep",
            ],
        )  # fmt: skip


def _identity(one: LockedPackage) -> tuple[str, str, str, str]:
    return one.ecosystem, one.called, one.version, one.source


def _disjoint(before: LockedPackage, after: LockedPackage) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    for algorithm, was in before.hashes.items():
        now = after.hashes.get(algorithm, ())
        if was and now and set(was).isdisjoint(now):
            yield algorithm, was, now


def _shown(algorithm: str, digits: Sequence[str]) -> str:
    others = f" and {len(digits) - 1} more" if len(digits) > 1 else ""
    return f"{algorithm} {digits[0][:_SHOWN]}...{others}"
