"""Projects of Composer as chance has them: packages that say all that they may say, and a composer.json that does."""

import os
from pathlib import Path
from random import Random
from typing import Any

from outrider.operators.packages.tests.composer_registry import ComposerRegistry
from outrider.operators.packages.tests.composer_worlds import World

_TEXTS = ("für Ärzte & Co. / 日本 😀", 'a "quoted" text\\with\ttabs\u2028', "plain", "0", "")
_TIMES = (
    "2023-04-05T06:07:08+00:00",
    "2020-01-02 03:04:05",
    "1600000000",
    "2019-12-31T23:59:59+02:00",
    "2021-06-07T08:09:10Z",
)
_SAID: dict[str, tuple[Any, ...]] = {
    "type": ("library", "Project", "metapackage", "symfony-bundle"),
    "description": _TEXTS,
    "homepage": ("https://files.test/ä", ""),
    "license": ("MIT", ["MIT", "GPL-2.0-or-later"], [], ""),
    "keywords": (["zeta", "Alpha", "10", "9", "1.5", "ä"], ["only"], []),
    "authors": ([{"name": "Ä. Möller", "email": "a@files.test"}], []),
    "autoload": ({"psr-4": {"Acme\\Web\\": "src/"}, "files": []}, {"classmap": ["a", "b/c"]}, {"psr-4": {}}),
    "autoload-dev": ({"psr-4": {"Tests\\": ["t", "u"]}},),
    "bin": ("bin/run", ["/bin/run", "other"]),
    "extra": ({"own": {"x": 1.0, "y": [], "z": {"0": "a", "1": "b"}}, "n": None}, {}),
    "support": ({"issues": "https://files.test/issues"}, {}),
    "funding": ([{"type": "other", "url": "https://files.test/give"}],),
    "suggest": ({"ext-zip": "for archives", "acme/other": "self.version", "ext-a": "a / b"}, {}),
    "scripts": ({"test": "phpunit", "all": ["a", "b"]},),
    "archive": ({"exclude": ["/tests"], "name": ""},),
    "include-path": (["lib/"],),
    "target-dir": ("Acme/Web",),
    "notification-url": ("https://files.test/told",),
    "abandoned": (True, "acme/other", False, ""),
    "time": _TIMES,
    "require-dev": ({"Acme/Tests": "^1", "php": ">=8"},),
    "support-me": ("not known",),
}


def variables_of(folder: Path) -> dict[str, str]:
    """Return the variables of somebody who has no settings."""
    home = {"HOME": str(folder), "COMPOSER_HOME": str(folder / "native-home"), "PATH": os.environ["PATH"]}
    return {**home, "XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")}


def describe(seed: int, registries: list[ComposerRegistry]) -> None:
    """Have all versions of repositories say something of themselves, and repositories of all of them."""
    random = Random(seed)
    for registry in registries:
        for versions in registry.packages.values():
            for one in versions:
                for key, found in _SAID.items():
                    if random.random() < 0.25 and key not in one:
                        one[key] = random.choice(found)
                _place(random, one)
        if random.random() < 0.3:
            registry.more["notify-batch"] = random.choice(("/downloads/", "https://files.test/notify"))
        if random.random() < 0.2:
            mirror = {
                "dist-url": "https://mirror.test/%package%/%reference%.%type%",
                "preferred": random.random() < 0.5,
            }
            registry.more["mirrors"] = [mirror, {"git-url": "https://mirror.test/git/%package%"}]


def _place(random: Random, one: dict[str, Any]) -> None:
    commit = f"{random.getrandbits(160):040x}"
    if random.random() < 0.5:
        one["source"] = {"type": "git", "url": "https://files.test/git", "reference": commit}
    if random.random() < 0.3:
        one["dist"] = {
            "type": "zip",
            "url": f"https://api.github.com/repos/acme/web/zipball/{commit}",
            "reference": commit,
        }


def project(seed: int, made: World, registries: list[ComposerRegistry]) -> dict[str, Any]:
    """Return a composer.json, but for its repositories."""
    random = Random(seed)
    names = sorted({name for registry in registries for name in registry.packages})
    asked = dict(made.asked)
    # What is asked of more than one package mostly cannot be had.
    development = [name for name in asked if random.random() < 0.5]
    free = [name for name in names if name not in asked]
    found: dict[str, Any] = {
        "require": {name: text for name, text in asked.items() if name not in development},
        "require-dev": {name: asked[name] for name in development},
    }
    if free and random.random() < 0.4:
        found["require-dev"][random.choice(free)] = random.choice(("*", "^1.0 || ^2.0", "@dev"))
    if random.random() < 0.4:
        found["require"]["php"] = random.choice((">=7.2", "^8.0 || ^7.4"))
        found["require-dev"]["ext-json"] = "*"
    if random.random() < 0.3:
        found |= {"name": "acme/shop", "description": "a shop / ein Laden für Ä", "extra": {"own": {"a": 1.5, "b": []}}}
    if random.random() < 0.2:
        found["version"] = random.choice(("1.2.0", "dev-main"))
        found.setdefault("extra", {})["branch-alias"] = {"dev-main": "1.3.x-dev"}
    for kind, chance in (("replace", 0.1), ("provide", 0.1), ("conflict", 0.12)):
        if random.random() < chance:
            found[kind] = {random.choice([*names, "acme/v0", "acme/v1"]): random.choice(("*", "1.1.0", "^1.0", "<1.1"))}
    return found
