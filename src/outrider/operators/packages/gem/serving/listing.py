"""The list of all versions, `/versions`: for each gem `NAME VERSION,VERSION-PLATFORM,... MD5`, and what it says.

https://github.com/rubygems/compact_index. It grows at its end: of several lines of a gem the last one has the MD5 of its document, and
`-VERSION` takes one away. Bundler asks for the document of a gem only where it is in the list, and where the MD5 is another one than that
of what it has.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.gem.serving.specifications import is_version

_NO_CHECKSUM = "0"


def shown_of(content: bytes, hidden: Callable[[str], bool] | None, *, asking: bool) -> bytes:
    """Return a list as it is shown to others than it was made for.

    Args:
        content: The list, or what came behind it.
        hidden: Whether a gem is left out; None where none is.
        asking: Have clients ask each time whether what they have is still right: the document of a gem changes for reasons that
            whoever has written the list knows nothing of.
    """
    if hidden is None and not asking:
        return content
    lines = content.split(b"\n")
    begin = lines.index(b"---") + 1 if b"---" in lines else 0
    shown = lines[:begin]
    for one in lines[begin:]:
        name, _, rest = one.partition(b" ")
        if hidden is not None and name and hidden(name.decode("utf-8", "replace")):
            continue
        versions, blank, checksum = rest.partition(b" ")
        shown.append(b" ".join((name, versions, checksum[::-1])) if asking and blank else one)
    return b"\n".join(shown)


def names_in(content: bytes) -> frozenset[str]:
    """Return the names of all gems in a list."""
    return frozenset(one.partition(b" ")[0].decode("utf-8", "replace") for one in content.split(b"\n"))


def own_line(line: str, *, asking: bool) -> str:
    """Return what a list says of a gem that is here.

    Args:
        line: Versions, and the MD5 of its document.
        asking: As with `shown_of`.
    """
    versions, _, checksum = line.partition(" ")
    return f"{versions} {checksum[::-1]}" if asking else line


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> bytes:
    """Return what comes to the end of a list where it said something of some gems, and now says something else."""
    lines = [_changed(name, before.get(name, ""), after.get(name, "")) for name in sorted({*before, *after})]
    return "".join(f"{one}\n" for one in lines if one).encode()


def _changed(name: str, before: str, after: str) -> str:
    if before == after:
        return ""
    had, has = (dict.fromkeys(one.partition(" ")[0].split(",")) for one in (before, after))
    versions = [*(one for one in has if one and one not in had), *(f"-{one}" for one in had if one and one not in has)]
    # Another document of the same versions: a line must have one of them.
    return f"{name} {','.join(versions) or ','.join(has)} {after.partition(' ')[2] or _NO_CHECKSUM}"


class Variant(NamedTuple):
    """A version, and the platform that it is for."""

    version: str
    platform: str


class Listing:
    """What a list says, for what is made of it.

    Args:
        content: Of the list.
        refused: Versions that nobody may install, by gem.
    """

    def __init__(self, content: bytes, refused: Mapping[str, Iterable[str]]) -> None:
        self._lines: dict[str, list[str]] = {}
        self._refused = {name: frozenset(versions) for name, versions in refused.items()}
        lines = content.decode("utf-8", "replace").split("\n")
        for one in lines[lines.index("---") + 1 :] if "---" in lines else lines:
            name, _, rest = one.partition(" ")
            if rest:
                self._lines.setdefault(name, []).append(rest.partition(" ")[0])

    def gems(self) -> Iterator[tuple[str, list[Variant]]]:
        """Yield gems by name, each with its versions and platforms."""
        for name in sorted(self._lines):
            found: dict[str, None] = {}
            for one in ",".join(self._lines[name]).split(","):
                if one.startswith("-"):
                    found.pop(one[1:], None)
                else:
                    found[one] = None
            refused = self._refused.get(name, frozenset())
            variants = [
                Variant(version, platform or RUBY) for version, _, platform in (one.partition("-") for one in found)
            ]
            if shown := [one for one in variants if is_version(one.version) and one.version not in refused]:
                yield name, shown


def names(listing: Listing) -> bytes:
    """Return the document `/names`."""
    return "".join(["---\n", *(f"{name}\n" for name, _ in listing.gems())]).encode()
