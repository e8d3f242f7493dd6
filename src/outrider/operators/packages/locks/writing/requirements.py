"""Writes requirements.txt with hashes: https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode."""

from collections.abc import Iterable

from outrider.core.errors import PreconditionFailedError
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage

# Those that pip takes.
_ALGORITHMS = ("sha256", "sha384", "sha512")


def written(answer: Resolved) -> str:
    """Return the file: what was asked for and all that it needs, each with the hashes of all of its files.

    Raises:
        PreconditionFailedError: An index names no hash of a file.
    """
    lines = [f"# Locked for {answer.target} on machines like this one."]
    for one in answer.packages:
        lines += entry(one)
        if one.needed_by:
            lines.append(f"    # needed by {', '.join(one.needed_by)}")
    return "\n".join([*lines, ""])


def entry(one: ResolvedPackage) -> Iterable[str]:
    """Yield the lines of a package.

    Raises:
        PreconditionFailedError: The index names no hash of it.
    """
    extras = f"[{','.join(one.extras)}]" if one.extras else ""
    yield f"{one.name}{extras}=={one.version} \\"
    hashes = hashes_of(one)
    yield from (f"    --hash={digest} \\" for digest in hashes[:-1])
    yield f"    --hash={hashes[-1]}"


def hashes_of(one: ResolvedPackage) -> list[str]:
    """Return the hashes of all files of a version, or of that which was chosen where the others are not known, as pip writes them.

    Raises:
        PreconditionFailedError: The index names none.
    """
    found = {_digest(file.hashes) for file in one.files} - {""} or {_digest(one.hashes)} - {""}
    if not found:
        raise PreconditionFailedError(
            f"pypi {one.name}: its index names no hash of {one.file}", path="packages", found="no hash",
            expected=" or ".join(_ALGORITHMS), suggestions=["use an index that names hashes"],
        )  # fmt: skip
    return sorted(found)


def _digest(hashes: dict[str, str]) -> str:
    return next((f"{one}:{hashes[one]}" for one in _ALGORITHMS if one in hashes), "")
