"""Random packages and questions, for which Composer itself says what is right."""

from random import Random
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.pool import Wish
from outrider.operators.packages.composer.roots import inline_packages
from outrider.operators.packages.composer.versions import versions_of
from outrider.operators.packages.tests.composer_registry import ComposerRegistry, Layout

_NUMBERS = ("1.0.0", "1.1.0", "1.2.0", "v1.2.1", "2.0.0", "2.1.0", "2.1.5", "3.0.0", "0.9.0", "0.9.1")
_UNSTABLE = ("1.2.0-beta1", "2.0.0-RC1", "2.2.0-alpha2", "3.0.0-beta2", "3.1.0-RC1")
_BRANCHES = (
    ("dev-main", "2.x-dev"),
    ("dev-main", "3.0.x-dev"),
    ("1.x-dev", "1.4.x-dev"),
    ("dev-next", ""),
    ("2.1.x-dev", ""),
)
_CONSTRAINTS = (
    "*", "*", "*", "^1.0", "^1.0", "^1.1", "^2.0", "^2.0", "^1.0 || ^2.0", "^1.0 || ^2.0", ">=1.1", ">=1.0", "<2.0", "<3.0", "~2.0", "1.*", ">=1.0 <2.1",
    "!=1.2.0", "^0.9 || ^2.0", "<=2.0.0", "^2.0 || ^3.0",
)  # fmt: skip
_NARROW = ("~1.1.0", "1.2.0", "^0.9", "^3.0", "^2.1", "2.1.*", "1.1.0 || 2.1.0", "!=2.0.0 >=1.2")
_LOOSE = (
    "^2.0@beta",
    "@dev",
    "dev-main",
    "^1.0@dev",
    ">=1.0@RC",
    "2.x-dev",
    "^3.0@beta",
    "dev-main || ^1.0",
    "1.x-dev",
)
_ALIASED = ("dev-main as 1.1.0", "dev-next as 2.0.0", "1.x-dev as 2.1.5", "dev-main as 3.0.x-dev")


# Where there are several repositories only the first two: of others Composer forgets on a second look that it has found a name.
_LAYOUTS: tuple[Layout, ...] = ("metadata", "whole", "lazy", "providers")


class World(NamedTuple):
    """Packages, and what is asked of them.

    Attributes:
        packages: Arguments for having each version, by repository.
        asked: Constraints by name.
        fields: Of the project's `composer.json`.
        filters: What is said of each repository there, but for its address.
        layouts: Of each repository.
    """

    packages: list[list[tuple[str, list[str], dict[str, Any]]]]
    asked: dict[str, str]
    fields: dict[str, Any]
    filters: list[dict[str, Any]]
    layouts: list[Layout]

    def fill(self, registries: list[ComposerRegistry]) -> None:
        """Have the packages."""
        for registry, versions in zip(registries, self.packages, strict=True):
            for spec, links, fields in versions:
                registry.add(spec, *links, **fields)

    def repositories(self, registries: list[ComposerRegistry]) -> list[dict[str, Any]]:
        """Return the repositories as `composer.json` has them."""
        return [
            {"type": "composer", "url": registry.url, **said}
            for registry, said in zip(registries, self.filters, strict=True)
        ]


def world(seed: int, repositories: int = 0) -> World:
    """Return a world.

    Args:
        seed: Another one makes another world.
        repositories: How many; as chance has it where it is 0.
    """
    random = Random(seed)
    vendors = ("acme", "acme", "acmex", "other")
    names = [
        f"{random.choice(vendors)}/p{number}" for number in range(random.randint(*random.choice(((3, 9), (10, 18)))))
    ]
    virtual = [f"acme/v{number}" for number in range(2)]
    count = random.choice((1, 1, 1, 2))
    count = repositories or count
    packages = [
        [
            one
            for name in names
            if count == 1 or random.random() < 0.7
            for one in _versions(random, name, names, virtual)
        ]
        for _ in range(count)
    ]
    asked = random.sample(names, min(len(names), random.randint(1, 3)))
    wishes = {name: _wish(random) for name in asked}
    if random.random() < 0.08:
        wishes[random.choice(virtual)] = "*"
    filters = [_filter(random, names) if count > 1 else {} for _ in range(count)]
    layouts: list[Layout] = [random.choice(_LAYOUTS if count == 1 else _LAYOUTS[:2]) for _ in range(count)]
    return World(packages, wishes, _fields(random), filters, layouts)


def candidates_of(made: World) -> list[Candidate]:
    """Return all versions of a world with what they are called, as a repository gives them."""
    registry = ComposerRegistry("whole")
    made.fill([registry] * len(made.packages))
    constraints = Constraints()
    found: list[Candidate] = []
    for name, record in inline_packages(
        [msgspec.json.decode(msgspec.json.encode({"packages": registry.packages}))]
    ).items():
        for one in versions_of(record, name, (), constraints):
            found += one.candidates()
    return found


def wishes_of(made: World) -> list[Wish]:
    """Return what is asked of a world, without aliases and flags."""
    return [Wish(name, Constraints().read(constraint)) for name, constraint in made.asked.items()]


def _fields(random: Random) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if random.random() < 0.4:
        fields["minimum-stability"] = random.choice(("dev", "beta", "alpha", "RC"))
        fields["prefer-stable"] = random.random() < 0.5
    if random.random() < 0.15:
        fields["config"] = {
            "platform": random.choice(({"php": "7.4.33"}, {"php": "8.0.1", "ext-own": "1.2"}, {"ext-json": False}))
        }
    return fields


def _filter(random: Random, names: list[str]) -> dict[str, Any]:
    kind = random.random()
    if kind < 0.3:
        return {"canonical": False}
    if kind < 0.45:
        return {"only": ["acmex/*", *random.sample(names, 2)]}
    return {"exclude": [random.choice(names), "*/p1*"]} if kind < 0.6 else {}


def _wish(random: Random) -> str:
    kind = random.random()
    return random.choice(
        _CONSTRAINTS if kind < 0.75 else _NARROW if kind < 0.85 else _LOOSE if kind < 0.95 else _ALIASED
    )


def _versions(
    random: Random, name: str, names: list[str], virtual: list[str]
) -> list[tuple[str, list[str], dict[str, Any]]]:
    numbers = random.sample(_NUMBERS, random.randint(3, 8)) + random.sample(_UNSTABLE, random.choice((0, 0, 1, 2)))
    found = [(f"{name} {one}", _links(random, name, names, virtual), dict[str, Any]()) for one in numbers]
    for branch, alias in {one[0]: one for one in random.sample(_BRANCHES, random.choice((0, 0, 1, 2)))}.values():
        fields: dict[str, Any] = {"extra": {"branch-alias": {branch: alias}}} if alias else {}
        if random.random() < 0.3:
            fields["default-branch"] = True
        found.append((f"{name} {branch}", _links(random, name, names, virtual), fields))
    return found


def _links(random: Random, name: str, names: list[str], virtual: list[str]) -> list[str]:
    """Return what a version says of others; most of it is said by the others of its name too."""
    usual = Random(name + str(random.randint(0, 2)))
    others = [one for one in names if one != name]
    counts = (0, 1, 1, 2, 2) if len(names) < 10 else (0, 1, 2, 2, 3, 3)
    links = [f"{one} {_constraint(usual)}" for one in usual.sample(others, min(len(others), usual.choice(counts)))]
    if usual.random() < 0.08:
        links.append(f"{usual.choice(virtual)} {usual.choice(('*', '^1.0', '^2.0', '>=1.0'))}")
    if usual.random() < 0.2:
        links.append(f"+{usual.choice(virtual)} {usual.choice(('1.0', '2.0', '*', 'self.version', '1.0 || 2.0'))}")
    if usual.random() < 0.15:
        links.append(
            f"={usual.choice([*virtual, *others])} {usual.choice(('1.1.0', '*', 'self.version', '^1.0', '2.0.0'))}"
        )
    if usual.random() < 0.2:
        links.append(
            f"!{usual.choice([*virtual, *others])} {usual.choice(('<1.1', '>=2.0', '1.2.0', '^1.0', 'self.version', '*'))}"
        )
    if usual.random() < 0.1:
        links.append(
            usual.choice(
                (
                    "php >=8.0",
                    "php ^7.4",
                    "php >=7.4 <8.1",
                    "php ^8.0",
                    "ext-json *",
                    "ext-own ^1.0",
                    "php-64bit >=8",
                    "!php <8.0",
                    "!php ^8.2",
                    "!ext-own *",
                    "=ext-own 1.0",
                )
            )
        )
    return links


def _constraint(random: Random) -> str:
    kind = random.random()
    if kind < 0.05:
        return "self.version"
    return random.choice(_CONSTRAINTS if kind < 0.8 else _NARROW if kind < 0.96 else _LOOSE)
