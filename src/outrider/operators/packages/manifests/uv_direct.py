"""What comes from no index: archives at addresses or in files, and git repositories.

https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources and `ParsedUrl` in crates/uv-pypi-types/src/parsed_url.rs of
uv 0.13, whose locks have addresses as it writes them anew: here they are to be written so that nothing of them changes.
"""

import re
from collections.abc import Sequence
from typing import Self
from urllib.parse import unquote

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.core.http.urls import query_value
from outrider.operators.packages.locks.uv import REFERENCES
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.py_requirements import malformed
from outrider.operators.packages.manifests.uv_sources import Source
from outrider.operators.packages.pypi.archives import ENDINGS

# uv takes the user of any other login out of the address.
_HOST = r"(?:[a-z0-9_-]+\.)*[a-z0-9_-]+(?::[0-9]+)?"
_PLAIN = r"(?:/(?!\.{1,2}(?:/|$))(?:[A-Za-z0-9._~+-]|%[0-9A-F]{2})+)+/?"
# uv leaves out the port that is usual.
_NOT_USUAL = r"(?!https://[^/]*:443/|http://[^/]*:80/)"
_REPOSITORY = re.compile(rf"{_NOT_USUAL}(?:https://{_HOST}|ssh://(?:git@)?{_HOST}|file://){_PLAIN}")
_ARCHIVE = re.compile(rf"{_NOT_USUAL}https?://{_HOST}{_PLAIN}")
_SHA256 = re.compile(r"sha256=([0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BEGINNING = re.compile(r"[0-9a-fA-F]{7,}")
_ITSELF = ["write the address plainly", "use uv itself: uv lock"]


class Direct(msgspec.Struct, frozen=True, kw_only=True):
    """Where a package comes from.

    Attributes:
        kind: `git`, `url`, or `path` of a file.
        address: Of the repository or the archive; of a file, the path from the folder of the lock.
        reference: `rev`, `tag` or `branch`, with its name; empty ones for the commit that the repository has checked out.
        subdirectory: In which the project lies; empty where it is at the top.
        sha256: That the archive must have; empty where that is not said.
    """

    kind: str
    address: str
    reference: tuple[str, str] = ("", "")
    subdirectory: str = ""
    sha256: str = ""

    @classmethod
    def of_source(cls, source: Source) -> Self:
        """Return what a source of a git repository or an address says.

        Raises:
            InvalidConfigError: Something in it cannot be read.
            UnsupportedError: Its address is written in a way that is not read.
        """
        form = f"{source.form}: {source.where}"
        subdirectory = source.text("subdirectory") if "subdirectory" in source.said else ""
        if source.kind == "url":
            return cls(kind="url", address=_archive(source.text("url"), form), subdirectory=subdirectory)
        said = [(one, source.text(one)) for one in REFERENCES if one in source.said]
        if len(said) > 1:
            both = " and ".join(one for one, _ in said)
            raise malformed((source.where,), both, "one of rev, tag and branch", form=source.form)
        address = _repository(source.text("git").removeprefix("git+"), form)
        return cls(kind="git", address=address, reference=said[0] if said else ("", ""), subdirectory=subdirectory)

    @classmethod
    def of_url(cls, url: str, form: str) -> Self:
        """Return what the address of a requirement says (PEP 508).

        Args:
            url: The address.
            form: Where it stands, for errors.

        Raises:
            UnsupportedError: It is written in a way that is not read.
        """
        address, _, fragment = url.partition("#")
        if address.startswith("git+"):
            place, at, rev = address.removeprefix("git+").rpartition("@")
            if not at or not _REPOSITORY.fullmatch(place):
                # That of the login.
                place, rev = address.removeprefix("git+"), ""
            subdirectory = fragment.removeprefix("subdirectory=")
            if fragment and (subdirectory == fragment or re.search(r"[&#%]", subdirectory)):
                raise _unread(form, url)
            reference = ("rev", unquote(rev)) if rev else ("", "")
            return cls(kind="git", address=_repository(place, form), reference=reference, subdirectory=subdirectory)
        found = _SHA256.fullmatch(fragment)
        if fragment and found is None:
            raise _unread(form, url)
        return cls(kind="url", address=_archive(address, form), sha256=found[1] if found else "")

    def entry(self, commit: str = "") -> str:
        """Return it as uv.lock writes it, with the commit where that is told."""
        if self.kind != "git":
            more = f", subdirectory = {toml_text(self.subdirectory)}" if self.subdirectory else ""
            return f"{self.kind} = {toml_text(self.address)}{more}"
        fields = (("subdirectory", self.subdirectory), self.reference)
        query = "&".join(f"{key}={query_value(value)}" for key, value in fields if value)
        fragment = f"#{commit}" if commit else ""
        return f"git = {toml_text(f'{self.address}?{query}'.rstrip('?') + fragment)}"

    @property
    def url(self) -> str:
        """The address, as a requirement has it; empty of a file."""
        if self.kind != "git":
            return self.address if self.kind == "url" else ""
        rev = f"@{self.reference[1]}" if self.reference[1] else ""
        return f"git+{self.address}{rev}{f'#subdirectory={self.subdirectory}' if self.subdirectory else ''}"

    @property
    def is_commit(self) -> bool:
        """Whether the whole hash of a commit is wanted."""
        key, name = self.reference
        return key == "rev" and _COMMIT.fullmatch(name) is not None

    @property
    def wanted(self) -> Sequence[str]:
        """What of the repository may be meant, the first of them that is there: `GitReference::from_rev` of uv."""
        key, name = self.reference
        if key in ("tag", "branch"):
            return [f"refs/{'tags' if key == 'tag' else 'heads'}/{name}"]
        if not name or name.startswith("refs/") or _COMMIT.fullmatch(name):
            return [name or "HEAD"]
        return [f"refs/heads/{name}", f"refs/tags/{name}", *([name.lower()] if _BEGINNING.fullmatch(name) else [])]


def _repository(address: str, form: str) -> str:
    if not _REPOSITORY.fullmatch(address):
        raise _unread(form, address)
    return address


def _archive(address: str, form: str) -> str:
    if not _ARCHIVE.fullmatch(address) or not address.endswith(ENDINGS):
        raise _unread(form, address)
    return address


def _unread(form: str, address: str) -> UnsupportedError:
    return UnsupportedError(
        f"{form} has an address that is not read here", path=form.rpartition(" ")[2], found=address.rpartition("@")[2][:80],
        expected=f"https://HOST/PATH, with one of {', '.join(ENDINGS)} at its end, or a repository by https://, ssh://git@ or file:///",
        suggestions=_ITSELF,
    )  # fmt: skip
