"""The notes of an update: the message of its commit, for those who review the branch."""

from collections.abc import Iterator, Sequence

from outrider.core.visible import visible
from outrider.operators.packages.fixing.results import FixedChange, FixedFile
from outrider.operators.packages.updating.drafts import Draft

_MOST_LINES = 500
_LONGEST_TITLE = 72


def notes_of(draft: Draft) -> str:
    """Return the message: a title, then by file what changes and why, and what stays though it is vulnerable."""
    lines = [visible(line) for told in draft.told for line in _of_file(told)]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"... and {len(lines) - _MOST_LINES} lines more"]
    return "\n".join([title_of(draft), *lines, ""])


def title_of(draft: Draft) -> str:
    """Return the first line: the packages that change, as many as it can name."""
    changes = [one for told in draft.told for one in told.changes if one.before and one.after]
    verb = "Fix" if draft.group.vulnerable else "Update"
    first = _named(changes, draft)
    names = list(dict.fromkeys(one.name for one in first)) or ["packages"]
    if len(first) == 1:
        return f"{verb} {names[0]} from {first[0].before} to {first[0].after}"
    for count in range(len(names), 0, -1):
        more = f" and {len(names) - count} more" if count < len(names) else ""
        title = f"{verb} {', '.join(names[:count])}{more}"
        if len(title) <= _LONGEST_TITLE:
            return title
    return f"{verb} {len(names)} packages"


def _named(changes: Sequence[FixedChange], draft: Draft) -> list[FixedChange]:
    """Return the changes that it is about: of what was vulnerable, else of what is asked for by itself, else all."""
    fixed = {(one.name, one.version) for told in draft.told for one in told.fixed}
    return (
        [one for one in changes if (one.name, one.before) in fixed] or [one for one in changes if one.direct] or [*changes]
    )  # fmt: skip


def _of_file(told: FixedFile) -> Iterator[str]:
    if not (told.changes or told.unfixed):
        return
    yield ""
    # A line such as `Signed-off-by: ...` at the end of a message is one that git reads.
    yield f"'{told.file}':" if ":" in told.file else f"{told.file}:"
    for one in told.changes:
        yield f"- {one.name} {one.before or '(new)'} -> {one.after or '(gone)'}: {one.why}"
    for change in told.manifest:
        before = f"no more for {change.before}" if change.before else "said nothing of it"
        yield f"- {change.file} asks for {change.name} {change.after}, and {before}"
    for left in told.unfixed:
        yield f"- {left.name} {left.version} stays ({', '.join(left.vulnerabilities)}): {' '.join(left.reasons)}"
