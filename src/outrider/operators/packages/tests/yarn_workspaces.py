"""Projects of both Yarns with workspaces and resolutions, drawn at random."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES, RANGES, VERSIONS, described, members
from outrider.operators.packages.tests.test_npm_projects import drawn_needs
from outrider.operators.packages.tests.yarn_clients import drawn_for_yarn

# Fills a registry, has the members of a workspace in a folder, and returns what the project asks for; the last one is `yarn1` or `yarn4`.
Draw = Callable[[Random, NpmRegistry, Path, str], dict[str, Any]]
_PLACES = ("packages/app", "packages/lib", "packages/@acme/kit", "tools/cli", "packages/Up")
_KINDS = ("dependencies", "devDependencies", "optionalDependencies")
_PATTERNS = ["packages/*", "packages/@acme/*", "tools/{cli,more}"]


def drawn_alone(random: Random, registry: NpmRegistry, folder: Path, client: str) -> dict[str, Any]:
    """Draw a project without either."""
    del folder, client
    return drawn_for_yarn(random, registry)


def drawn_with_resolutions(random: Random, registry: NpmRegistry, folder: Path, client: str) -> dict[str, Any]:
    """Draw a project with resolutions."""
    del folder
    return {**drawn_for_yarn(random, registry), "resolutions": _resolutions(random, registry, client)}


def drawn_workspace(random: Random, registry: NpmRegistry, folder: Path, client: str) -> dict[str, Any]:
    """Draw a project with members, and some of them with resolutions."""
    fields = drawn_for_yarn(random, registry)
    places = random.sample(_PLACES, random.randint(1, len(_PLACES)))
    drawn = [_Member(random, place) for place in places]
    for one in drawn:
        if random.random() < 0.4:
            registry.add(f"{one.name}@{random.choice(VERSIONS)}", random.choice(("", "zeta-core", "delta@*")))
            registry.add(f"{NAMES[0]}@2.5.0", f"{one.name}@*")
    for one in drawn:
        others = [other for other in drawn if other is not one or client == "yarn4"]
        asked = {other.name: other.asked(random, registry, client) for other in others}
        members(folder, {one.place: one.manifest(random, registry, asked)})
    if random.random() < 0.3:
        other = random.choice(drawn)
        fields["dependencies"][other.name] = other.asked(random, registry, client)
    if random.random() < 0.4:
        fields["resolutions"] = _resolutions(random, registry, client)
    said: Any = random.choice((places, _PATTERNS, {"packages": _PATTERNS, "nohoist": ["**/alpha"]}))
    return {**fields, "private": True, "workspaces": said}


class _Member:
    def __init__(self, random: Random, place: str) -> None:
        short = place.rpartition("/")[2].lower()
        self.place, self.name = place, random.choice((short, f"@acme/{short}"))
        self.version = random.choice((*VERSIONS, "1.0.0-rc.1"))

    def manifest(self, random: Random, registry: NpmRegistry, others: Mapping[str, str]) -> dict[str, Any]:
        """Return its package.json, which asks for some of the others."""
        found = {"name": self.name, "version": self.version, **described(random), **drawn_needs(random, registry)}
        for name in random.sample([*others], min(len(others), random.randint(0, 2))):
            kind = random.choice(("dependencies", *_KINDS, "peerDependencies"))
            # Yarn 4 itself ends with an error where a peer is asked for by its folder and another one is found.
            is_odd = kind == "peerDependencies" and "/" in others[name]
            found.setdefault(kind, {})[name] = "*" if is_odd else others[name]
        for peer in random.sample(NAMES, random.randint(0, 2)):
            found.setdefault("peerDependencies", {})[peer] = random.choice(("*", "^1", "next"))
        if random.random() < 0.2:
            found["dependenciesMeta"] = {random.choice(NAMES): {"optional": True}}
        if random.random() < 0.15:
            found.pop(random.choice(("name", "version")))
        return found

    def asked(self, random: Random, registry: NpmRegistry, client: str) -> str:
        """Return what may be asked of it."""
        plain = ["*", self.version, f"^{self.version}", ">=1"]
        ours = ["^2", "latest"] if self.name in registry.documents else []
        later = [f"workspace:{text}" for text in ("*", "^", "~", f"^{self.version}", self.place, f"./{self.place}")]
        return random.choice([*plain, *ours, *(later if client == "yarn4" else [])])


def _resolutions(random: Random, registry: NpmRegistry, client: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in random.sample(NAMES[:-1], random.randint(1, 3)):
        # Yarn 1 never ends where packages need each other by other names.
        later = random.choice(NAMES[NAMES.index(name) + 1 :])
        there = [*registry.documents[name]["versions"]]
        needer = random.choice(NAMES)
        if client == "yarn1":
            keys = [
                name, name, f"**/{name}", f"{needer}/{name}", f"{needer}/**/{name}", f"**/{needer}/{name}", f"{name}/**",
            ]  # fmt: skip
            values = (*there, *there, "^1", "*", "next", f"npm:{later}@*")
        else:
            version = random.choice([*registry.documents[needer]["versions"]])
            asked = random.choice(RANGES)
            keys = [
                name, name, f"{name}@{asked}", f"{name}@npm:{asked}", f"{needer}/{name}", f"{needer}@npm:{version}/{name}",
                f"{needer}@{version}/{name}@npm:{asked}", f"**/{name}", "a/b/c",
            ]  # fmt: skip
            values = (*there, *there, "^1", "*", f"npm:{there[0]}", f"npm:{later}@*")
        found[random.choice(keys)] = random.choice(values)
    return found


DRAWS = (drawn_alone, drawn_with_resolutions, drawn_workspace)
