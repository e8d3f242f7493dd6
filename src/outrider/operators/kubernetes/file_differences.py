"""What changes in a file, line by line; where Secrets are in it field by field, without their values."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from outrider.core.operation import Difference
from outrider.operators.kubernetes.shown import differences, is_secret, shown
from outrider.runtime.documents import read_text


def file_differences(path: str, before: str, after: str) -> list[Difference]:
    """Return the lines that change, each as `PATH:LINE`; of a file that has Secrets in it the fields, and no value of these."""
    old, new = ([one.data for one in read_text(text, path)] for text in (before, after))
    if any(map(_holds_secret, (*old, *new))):
        return list(_fields(path, old, new))
    return list(_lines(path, before.split("\n"), after.split("\n")))


def _holds_secret(data: Any) -> bool:
    if isinstance(data, list):
        return any(map(_holds_secret, data))
    return isinstance(data, dict) and (data.get("kind") == "Secret" or any(map(_holds_secret, data.values())))


def _fields(path: str, old: list[Any], new: list[Any]) -> Iterator[Difference]:
    for index, after in enumerate(new):
        before = old[index] if index < len(old) else None
        title = f"{path} document {index + 1}"
        if before is None and is_secret(after):
            yield Difference(title, None, shown(after))
        elif all(isinstance(one, dict) and (is_secret(one) or not _holds_secret(one)) for one in (before, after)):
            for one in differences(before, after):
                yield Difference(f"{title}: {one.path}", one.before, one.after)
        elif before != after:
            yield Difference(title, None if before is None else "(hidden)", "(hidden) differs")


def _lines(path: str, old: list[str], new: list[str]) -> Iterator[Difference]:
    for kind, first, last, new_first, new_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(last - first, new_last - new_first)):
            gone, there = first + offset < last, new_first + offset < new_last
            line = (new_first if there else first) + offset + 1
            yield Difference(
                f"{path}:{line}", old[first + offset] if gone else None, new[new_first + offset] if there else None
            )
