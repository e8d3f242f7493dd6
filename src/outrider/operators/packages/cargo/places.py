"""Where crates come from, as Cargo.lock writes it, and how those of several places are told apart.

`SourceId` and `SourceKind` in src/cargo/core/source_id.rs of Cargo 1.95.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from outrider.core.errors import InvalidConfigError
from outrider.core.http.urls import query_value

# The place of what nobody says more of: the registry that Cargo comes with, or what stands in for it.
USUAL = ""
CRATES_IO = "crates-io"
SPARSE = "sparse+"
GIT = "git+"
# Before the name of a registry, of which settings know the address.
NAMED = "registry:"
# In the order in which Cargo sorts them; what says nothing comes last.
REFERENCES = ("tag", "branch", "rev")
INDEX = "registry+"
# Of these Cargo changes the spelling; other paths it would encode.
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~!$&'()*+,;=:@%-]*)*", re.ASCII)


class GitPlace(NamedTuple):
    """What is meant in a repository.

    Attributes:
        url: Of it.
        kind: One of `REFERENCES`; empty for what is checked out there.
        value: The tag, branch or revision.
    """

    url: str
    kind: str = ""
    value: str = ""

    @classmethod
    def of(cls, place: str, *, encoded: bool = True) -> "GitPlace":
        """Return it from its text, with a commit or without.

        Args:
            place: The text.
            encoded: Whether as version 4 of the format has it, and those before have not.
        """
        text = place.removeprefix(GIT).partition("#")[0]
        for kind in REFERENCES:
            url, found, value = text.rpartition(f"?{kind}=")
            if found:
                return cls(url, kind, unquote_plus(value) if encoded else value)
        return cls(text)

    def text(self, *, encoded: bool = True) -> str:
        """Return it as Cargo.lock writes it, without the commit.

        Args:
            encoded: Whether as version 4 of the format has it, and those before have not.
        """
        value = query_value(self.value) if encoded else self.value
        return f"{GIT}{self.url}?{self.kind}={value}" if self.kind else f"{GIT}{self.url}"


def key_of(name: str, place: str) -> str:
    """Return what tells a crate from those of the same name in other places: its name alone where it is of the usual one."""
    return f"{name} {place}" if place else name


def parts_of(key: str) -> tuple[str, str]:
    """Return the name and the place of a crate."""
    name, _, place = key.partition(" ")
    return name, place


def is_usual(source: str) -> bool:
    """Return whether a lock means the registry that Cargo comes with, whatever stands in for it: its index in git has this name."""
    return source.startswith(INDEX) and source.removesuffix("/").endswith("/crates.io-index")


def git_place(form: str, where: str, url: str, references: Mapping[str, str]) -> str:
    """Return the place that a manifest means.

    Args:
        form: What the manifest is called.
        where: The dependency.
        url: Of the repository.
        references: What is meant there, by one of `REFERENCES`.

    Raises:
        InvalidConfigError: The address is none, or more than one reference is there.
    """
    if len(references) > 1:
        raise InvalidConfigError(
            f"{form}: {where} has several of {', '.join(REFERENCES)}", path=where, found=", ".join(references), expected="one of them",
            suggestions=["leave one of them"],
        )  # fmt: skip
    address = spelt(url)
    if not address:
        raise InvalidConfigError(
            f"{form}: {where} leads to no address", path=where, found=url, expected="https://HOST/PATH, ssh://USER@HOST/PATH or file:///PATH",
            suggestions=["write an address, as Cargo wants it"],
        )  # fmt: skip
    return GitPlace(address, *next(iter(references.items()), ("", ""))).text()


def spelt(url: str) -> str:
    """Return the address of a repository as Cargo writes it; empty where it is none, or one that would be encoded."""
    scheme, found, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if not found or not _PATH.fullmatch(slash + path) or not (host or scheme == "file"):
        return ""
    scheme = scheme.lower()
    if scheme in _USUAL_PORTS:
        user, at_sign, name = host.rpartition("@")
        host, slash = f"{user}{at_sign}{name.lower().removesuffix(_USUAL_PORTS[scheme])}", "/"
    return f"{scheme}://{host}{slash}{path}"


def canonical(url: str) -> str:
    """Return the address that stands for all spellings of one: `CanonicalUrl` in src/cargo/util/canonical_url.rs."""
    text = url.removesuffix("/")
    text = text.lower() if urlsplit(text).hostname == "github.com" else text
    return text.removesuffix(".git")


def address_of(place: str) -> str:
    """Return the address of a place, without what is meant there, in its canonical spelling."""
    return canonical(GitPlace.of(place).url if place.startswith(GIT) else place)


def order_of(place: str) -> tuple[int, int, str, str]:
    """Return what Cargo sorts places by: kinds, then references, then addresses."""
    if not place.startswith(GIT):
        return (0 if not place else 1 if place.startswith(INDEX) else 2), 0, "", canonical(place)
    found = GitPlace.of(place)
    return 3, (*REFERENCES, "").index(found.kind), found.value, canonical(found.url)
