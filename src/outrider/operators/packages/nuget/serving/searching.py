"""What searches and completions ask: the packages that are here whose names, descriptions or tags have some words.

https://learn.microsoft.com/nuget/api/search-query-service-resource and https://learn.microsoft.com/nuget/api/search-autocomplete-service-resource.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from outrider.core.remembered import Remembered
from outrider.operators.packages.nuget.serving.documents import FOUND
from outrider.operators.packages.nuget.serving.places import index_url, leaf_url
from outrider.operators.packages.serving.documents import content_of
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit

_MOST, _USUAL = 1_000, 20
_MOST_KNOWN = 10_000
_DEPENDENCY = "Dependency"
_SHOWN = ("description", "summary", "title", "authors", "tags", "iconUrl", "licenseUrl", "projectUrl")


class Found(msgspec.Struct):
    """A package as it is found.

    Attributes:
        versions: Those that people are shown, oldest first, and whether each is one of SemVer 2.
        said: What the newest one says.
    """

    versions: list[tuple[str, bool]]
    said: dict[str, Any]

    @property
    def types(self) -> list[str]:
        """For what it is made, in small letters."""
        said = self.said.get("packageTypes")
        names = [str(one.get("name", "")) for one in said if isinstance(one, dict)] if isinstance(said, list) else []
        return [one.lower() for one in names or [_DEPENDENCY]]


class Asked:
    """What a request asks for.

    Args:
        visit: The request.
    """

    def __init__(self, visit: Visit) -> None:
        self._arguments = visit.request.arguments()
        self.id = self.text("id").lower()
        self.words = self.text("q").lower().split()
        self.type = self.text("packageType").lower()
        self._prereleases = self.text("prerelease").lower() == "true"
        self._semver2 = self.text("semVerLevel").startswith("2")
        self.skip = _number(self.text("skip"), 0)
        self.take = min(_number(self.text("take"), _USUAL), _MOST)

    def text(self, name: str) -> str:
        """Return an argument; empty where there is none."""
        return self._arguments.get(name, [""])[0]

    def versions(self, found: Found) -> list[str]:
        """Return the versions of a package that are asked for, oldest first."""
        return [
            version
            for version, semver2 in found.versions
            if (self._prereleases or "-" not in version) and (self._semver2 or not semver2)
        ]

    def means(self, name: str, found: Found) -> bool:
        """Return whether a package is asked for."""
        tags = found.said.get("tags")
        said = [found.said.get("title"), found.said.get("description"), *(tags if isinstance(tags, list) else [tags])]
        text = " ".join([name, *(one for one in said if isinstance(one, str))]).lower()
        return (not self.type or self.type in found.types) and all(_holds(word, name, text) for word in self.words)


class Searching:
    """Finds the packages of a hub.

    Args:
        base: The address of the registry.
        hub: Has them.
    """

    def __init__(self, base: str, hub: Hub) -> None:
        self._base, self._hub = base, hub
        self._known = Remembered[str, Found](_MOST_KNOWN)

    def packages(self, visit: Visit) -> dict[str, Any]:
        """Return what was found, those that were published here first."""
        asked = Asked(visit)
        found = list(self._meant(visit, asked))
        shown = [self._shown(name, *one) for name, one in found[asked.skip : asked.skip + asked.take]]
        return {"totalHits": len(found), "data": shown}

    def names(self, visit: Visit) -> dict[str, Any]:
        """Return the names that begin as somebody has typed, or the versions of a package."""
        asked = Asked(visit)
        if asked.id:
            one = self._found(asked.id) if visit.caller.may("read", f"nuget:{asked.id}") else None
            versions = asked.versions(one) if one is not None else []
            return {"totalHits": len(versions), "data": versions}
        found = [str(one.said["id"]) for _, (one, _) in self._meant(visit, asked)]
        return {"totalHits": len(found), "data": found[asked.skip : asked.skip + asked.take]}

    def _meant(self, visit: Visit, asked: Asked) -> Iterator[tuple[str, tuple[Found, list[str]]]]:
        for name, _ in self._hub.store.tables.summaries("nuget"):
            if not visit.caller.may("read", f"nuget:{name}"):
                continue
            found = self._found(name)
            if found is not None and asked.means(name, found) and (versions := asked.versions(found)):
                yield name, (found, versions)

    def _found(self, name: str) -> Found | None:
        document = self._hub.store.tables.document("nuget", name, FOUND)
        if document is None:
            return None
        found = self._known.get(document.digest)
        if found is None:
            content = content_of(document, "identity", self._hub.store.blobs)
            if content is None:
                return None
            found = self._known[document.digest] = msgspec.json.decode(content, type=Found)
        return found

    def _shown(self, name: str, found: Found, versions: Sequence[str]) -> Mapping[str, Any]:
        index, latest = index_url(self._base, name), versions[-1]
        return {
            "@id": index, "@type": "Package", "registration": index, "id": found.said["id"], "version": latest,
            **{key: found.said[key] for key in _SHOWN if key in found.said}, "totalDownloads": 0, "verified": False,
            "packageTypes": found.said.get("packageTypes") or [{"name": _DEPENDENCY}],
            "versions": [{"@id": leaf_url(self._base, name, one), "version": one, "downloads": 0} for one in versions],
        }  # fmt: skip


def _holds(word: str, name: str, text: str) -> bool:
    """Return whether a package has a word; `packageid:NAME` is the package of that name alone, and `id:` asks for a part of it."""
    field, colon, value = word.partition(":")
    if colon and field == "packageid":
        return name == value
    return value in name if colon and field == "id" else word in text


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise
