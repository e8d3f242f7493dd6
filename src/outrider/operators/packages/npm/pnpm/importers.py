"""The project and the members of its workspace, for each of which pnpm chooses what it needs: `importers` of a lock file."""

from collections.abc import Iterable, Mapping

from outrider.operators.packages.npm.catalogs import CATALOG, catalog_of
from outrider.operators.packages.npm.details import PLACE_ENDS, NpmDetails, at
from outrider.operators.packages.npm.pnpm.levels import Address
from outrider.operators.packages.npm.pnpm.manifests import Wanted
from outrider.operators.packages.npm.pnpm.missing import Aliases, Peers, without
from outrider.operators.packages.resolving.questions import Question

PROJECT = "."


class Importer:
    """One of them, while what it needs is chosen.

    Args:
        place: Its folder; empty for the project.
        wanted: What it asks for.

    Attributes:
        id: What it is called in a lock file.
        aliases: The names that are there, or will be.
        addresses: What was found.
        peers: What is known of peers.
        optional: The ranges of peers that are missed and may be.
    """

    def __init__(self, place: str, wanted: list[Wanted]) -> None:
        self.place, self.wanted = place, wanted
        self.id = place or PROJECT
        self.aliases: Aliases = dict.fromkeys(one.alias for one in wanted)
        self.addresses: list[Address] = []
        self.peers = Peers({}, {})
        self.optional: dict[str, list[str]] = {}

    def bring(self, addresses: Iterable[Address], peers: Peers) -> None:
        """Take what was found in addition."""
        self.addresses += addresses
        self.peers = without(Peers(*peers), self.aliases)

    def missing(self) -> list[str]:
        """Return the names of peers that are missed; what may be missed is noted, and what a package above has is taken in."""
        missing, found = self.peers
        self.aliases |= dict.fromkeys(one.alias for one in self.addresses)
        required = [name for name, peer in missing.items() if not peer.optional]
        self.aliases |= dict.fromkeys(required)
        # What is a peer of one package deep below, and stands beside it there, is there for all.
        self.addresses += [one for name, one in found.items() if name not in self.aliases]
        for name, peer in missing.items():
            if peer.optional and peer.range not in self.optional.setdefault(name, []):
                self.optional[name].append(peer.range)
        return required

    def direct(self) -> dict[str, Address]:
        """Return what stands directly below it, by name."""
        found: dict[str, Address] = {}
        for one in self.addresses:
            found.setdefault(one.alias, one)
        return found


def importers_of(question: Question) -> list[Importer]:
    """Return who asks for what, the project first."""
    said, optional = _by_place(question), NpmDetails.of(question).optional
    return [
        Importer(
            place,
            [
                Wanted(name, _from_catalog(said, name, text), at(place, name) in optional, catalog_of(text))
                for name, text in asked.items()
            ],
        )
        for place, asked in said.items()
        if not place.startswith(CATALOG)
    ]


def _by_place(question: Question) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {"": {}, **{one.place: {} for one in NpmDetails.of(question).members}}
    for text in question.packages:
        place, mark, rest = text.partition(PLACE_ENDS)
        if not mark or not (place in found or place.startswith(CATALOG)):
            place, rest = "", text
        name, _, wanted = rest[1:].partition("@")
        found.setdefault(place, {})[rest[:1] + name] = wanted
    return found


def _from_catalog(said: Mapping[str, Mapping[str, str]], name: str, text: str) -> str:
    catalog = catalog_of(text)
    return said[f"{CATALOG}{catalog}"][name] if catalog else text
