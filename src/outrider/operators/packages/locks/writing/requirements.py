"""Writes requirements.txt with hashes: https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from outrider.core.errors import InvalidConfigError, PreconditionFailedError
from outrider.operators.packages.locks.requirements import COMPILED, read
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage

# Those that pip takes.
_ALGORITHMS = ("sha256", "sha384", "sha512")
_COMMENT = re.compile(r"(?:^|\s)#.*|^(?:<{7}|>{7}|\|{7}) .*|^={7}$")  # or a mark of a merge
# Behind the first word there may be a password.
_FIRST_WORD = re.compile(r"[\s=@<>!~;\[(]")
_MOST_SHOWN = 5


def refuse_handwritten(path: Path, text: str) -> None:
    """Refuse to write over a file that has more than pins: nothing else would have these lines.

    Args:
        path: Of the file.
        text: Of it, as it is.

    Raises:
        InvalidConfigError: It has such lines.
    """
    loose = [] if COMPILED.search(text) else list(_loose(text))
    if loose:
        more = f" and {len(loose) - _MOST_SHOWN} more" if len(loose) > _MOST_SHOWN else ""
        shown = ", ".join(f"{word} in line {number}" for number, word in loose[:_MOST_SHOWN])
        raise InvalidConfigError(
            f"{path}: it has lines that are no pins, which would be lost: {shown}{more}", path="file", found=f"{shown}{more}",
            expected="a file of pins, or none", suggestions=[f"name another file: --file {path.with_name('locked-requirements.txt')}"],
        )  # fmt: skip


def _loose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are no pins, and the first word of each."""
    is_open = False
    for number, line in enumerate(text.splitlines(), 1):
        is_continued, is_open = is_open, line.endswith("\\") and not line.lstrip().startswith("#")
        said = _COMMENT.sub("", line.removesuffix("\\")).strip()
        if said and not is_continued and (said.startswith("-") or read(said).unreadable):
            yield number, _FIRST_WORD.split(said)[0]


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
