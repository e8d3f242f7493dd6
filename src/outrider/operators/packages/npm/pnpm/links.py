"""Members of a workspace where others need them: they stand there as they are, and are never chosen from a registry.

https://pnpm.io/10.x/workspaces#workspace-protocol-workspace. pnpm takes the newest member of a name, whatever range stands behind
`workspace:` (`tryResolveFromWorkspacePackages` of pnpm 10.34).
"""

import posixpath
import re
from collections.abc import Sequence

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.npm.details import Member
from outrider.operators.packages.npm.pnpm.manifests import PnpmPackage
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

LINK = "link:"
_WORKSPACE = "workspace:"
_NAMED = re.compile(r"workspace:(?:([^._/][^@]*)@)?.*")
# Of a member that does not say its version.
_NO_VERSION = "0.0.0"
_LONGEST_NAME = 100
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f\x80-\x9f]')


class LinkedPackage(PnpmPackage):
    """A member where it is needed; what it needs itself is looked at where it is.

    Args:
        member: Which one.
        alias: By which it goes there.
    """

    __slots__ = ("_name", "_version", "place")

    def __init__(self, member: Member, alias: str) -> None:
        self.place = member.place
        self.id = self.called = f"{LINK}{member.place}"
        self._name, self._version = member.name or alias, str(member.manifest.get("version") or "")
        self.said = {}
        self.needs, self.declared, self.peers, self.optional_names = [], {}, {}, set()
        self.is_leaf, self.optional, self.children = True, True, []

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def version(self) -> str:
        """Its version; empty where it has none."""
        return self._version

    def as_peer(self, alias: str) -> str:
        """Return what it is called where it is a peer: as a folder, in signs that file names may have."""
        bare = re.sub(r"^\.+", "+", _NOT_IN_NAMES.sub("+", self.place)).rstrip(".")
        bare = re.sub(r"\++", "+", bare)
        return f"{alias}@{(bare.strip('+') if len(bare) > 1 else bare)[:_LONGEST_NAME]}"


class Links:
    """The members of a workspace, and its project, whose folder is empty.

    Args:
        members: All of them, by their folders; of several with one name and version the last one counts.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._by_place = {one.place: one for one in members}
        self._by_name: dict[str, dict[str, Member]] = {}
        for one in members:
            if one.name:
                version = str(one.manifest.get("version") or _NO_VERSION)
                self._by_name.setdefault(one.name, {})[version] = one

    def target(self, place: str, alias: str, text: str) -> Member | None:
        """Return the member that is asked for; None where something else is.

        Args:
            place: The folder of who needs it.
            alias: By which name.
            text: What is asked for.

        Raises:
            NotFoundError: No member has such a name.
            UnsupportedError: A folder is meant that is that of no member.
        """
        kind = next((one for one in (LINK, _WORKSPACE) if text.startswith(one)), "")
        if kind == LINK or text.startswith(f"{_WORKSPACE}."):
            return self._in_folder(place, alias, text, text.removeprefix(kind))
        return self._named(place, alias, text) if kind else None

    def _in_folder(self, place: str, alias: str, text: str, path: str) -> Member:
        found = posixpath.normpath(posixpath.join(place, path))
        member = self._by_place.get("" if found == "." else found)
        if member is None or path.startswith(("/", "~")):
            raise UnsupportedError(
                f"{place or '.'}/package.json: {alias} is a link to a folder that is that of no member of the workspace", path=alias,
                found=text[:200], expected="the folder of a member", suggestions=["add the folder to packages in pnpm-workspace.yaml"],
            )  # fmt: skip
        return member

    def _named(self, place: str, alias: str, text: str) -> Member:
        match = _NAMED.fullmatch(text)
        name = (match[1] if match is not None else None) or alias
        known = self._by_name.get(name, {})
        versions = VersionTable(scheme_of("npm"), known).versions
        if not versions:
            lacks = (
                f"the member {name} has no version that can be read"
                if known
                else f"no member of the workspace is called {name}"
            )
            raise NotFoundError(
                f"{place or '.'}/package.json: {alias} is to be a member, and {lacks}", path=alias, found=text[:200],
                expected=f"a member that is called {name} and has a version",
                suggestions=["add its folder to packages in pnpm-workspace.yaml", "ask for a range of a registry"],
            )  # fmt: skip
        return known[versions[-1]]


def link_between(place: str, other: str) -> str:
    """Return how a member is called in a lock file where another one needs it.

    Args:
        place: The folder of who needs it.
        other: Its own.
    """
    path = posixpath.relpath(f"/{other}", f"/{place}")
    return LINK + ("" if path == "." else path)
