"""Projects of Cargo, drawn by chance, with crates of two registries and of git repositories, and with patches of these."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from outrider.operators.packages.tests.cargo_projects import RANGES, filled
from outrider.operators.packages.tests.cargo_registry import CargoRegistry
from outrider.operators.packages.tests.cargo_workspaces import add_package

# What needs something comes before it.
NAMES = ("alpha", "beta", "gamma", "delta", "shop-core", "Epsilon")
_VERSIONS = ("0.1.1", "0.2.3", "1.2.0", "1.3.0-rc.1", "1.4.0+b1", "2.0.0")
_REFERENCES = ("", "", 'branch = "side"', 'branch = "feat/x+y"', 'tag = "v1"', 'tag = "v2-signed"')


def settings_of(usual: CargoRegistry, acme: CargoRegistry) -> str:
    """Return settings in which one registry stands in for the usual one, and another one has a name."""
    own = f'[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+{usual.url}/"\n'
    return f'{own}[registries.acme]\nindex = "sparse+{acme.url}/"\n'


def git(folder: Path, *arguments: str) -> str:
    """Run git with no settings of this machine, and return what it says."""
    who = {f"GIT_{role}_{part}": "a@b.test" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    when = {f"GIT_{role}_DATE": "2026-01-01T00:00:00Z" for role in ("AUTHOR", "COMMITTER")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who, **when}
    ended = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def committed(folder: Path, message: str = "more") -> str:
    """Have a repository with all that lies in a folder, and return its newest commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


class Places:
    """Draws.

    Args:
        random: By which.
        folder: For the project and the repositories.
        usual: The registry that stands in for the usual one.
        acme: Another one.
        index: How the indexes of others call the usual one.
        has_git: Whether there are repositories.
        has_patches: Whether there are patches.
    """

    def __init__(
        self,
        random: Random,
        folder: Path,
        usual: CargoRegistry,
        acme: CargoRegistry,
        index: str,
        *,
        has_git: bool,
        has_patches: bool,
    ) -> None:
        self._random, self._folder, self._usual, self._acme = random, folder, usual, acme
        self._index, self._has_git, self._has_patches = index, has_git, has_patches
        self._packages: dict[str, list[str]] = {}
        self._commits: dict[str, list[str]] = {}
        self._count = 0
        self._acme_said = random.choice(('registry = "acme"', f'registry-index = "sparse+{acme.url}/"'))

    def draw(self) -> None:
        """Have all of it."""
        filled(self._random, self._usual)
        filled(self._random, self._acme)
        for registry, other in ((self._usual, f"sparse+{self._acme.url}/"), (self._acme, self._index)):
            for name, lines in registry.lines.items():
                registry.lines[name] = [self._abroad(line, other) for line in lines]
        for name in ("far", "near") if self._has_git else ():
            self._repository(name)
        helper = "\n".join(self._dependencies(2, 2, local=False))
        add_package(self._folder / "helper", "helper", f"[dependencies]\n{helper}", 'version = "0.4.0"')
        tables = "\n".join(self._tables())
        rust = self._random.choice(("", "", 'rust-version = "1.70"'))
        add_package(
            self._folder / "shop", "shop", f'{tables}\n[workspace]\nmembers = ["web"]', f'version = "0.3.0"\n{rust}'
        )
        member = "\n".join(self._dependencies(1, 2))
        add_package(self._folder / "shop" / "web", "web", f"[dependencies]\n{member}")

    def _abroad(self, line: bytes, other: str) -> bytes:
        document: dict[str, Any] = msgspec.json.decode(line)
        for one in document["deps"]:
            if self._by_chance(0.25):
                one["registry"] = other
        return msgspec.json.encode(document)

    def _repository(self, name: str) -> None:
        """Have a repository: its packages lie in folders, and change from commit to commit."""
        folder = self._folder / name
        called = self._random.sample(NAMES, self._random.randint(2, 4))
        commits = []
        for at in range(2):
            for one in called:
                place = folder / self._random.choice((one, f"crates/{one}", f"crates/{one}", f"target/{one}"))
                if at == 0 or self._by_chance(0.5):
                    place = next((path.parent for path in folder.rglob("Cargo.toml") if path.parent.name == one), place)
                    self._package(folder, place, one, called)
            commits.append(committed(folder))
            if at == 0:
                git(folder, "branch", "side")
                git(folder, "tag", "v1")
                git(folder, "branch", "feat/x+y")
        git(folder, "tag", "--annotate", "--message", "signed", "v2-signed")
        self._packages[name], self._commits[name] = called, commits

    def _package(self, folder: Path, place: Path, name: str, siblings: list[str]) -> None:
        later = [one for one in siblings if NAMES.index(one) > NAMES.index(name)]
        lines = list(self._dependencies(NAMES.index(name) + 1, 2, local=False))
        keys = {line.partition(" ")[0] for line in lines}
        for one in later:
            found = next((path.parent for path in folder.rglob("Cargo.toml") if path.parent.name == one), None)
            if found is not None and one not in keys and self._by_chance(0.6):
                path = os.path.relpath(found, place)
                version = self._random.choice(("", "", f', version = "{self._range()}"'))
                lines.append(f'{one} = {{ path = "{path}"{version} }}')
        tests = "\n".join(self._dependencies(NAMES.index(name) + 1, 1, local=False))
        version = self._random.choice(_VERSIONS)
        body = "\n".join(lines)
        add_package(
            place,
            name,
            f"[dependencies]\n{body}\n[dev-dependencies]\n{tests}\n[features]\nextra = []\nall = []",
            f'version = "{version}"',
        )

    def _dependencies(self, first: int, count: int, *, local: bool = True) -> Iterator[str]:
        """Yield dependencies on crates from a name on."""
        for name in self._random.sample(NAMES[first:], min(len(NAMES) - first, self._random.randint(0, count))):
            self._count += 1
            key = name if self._by_chance(0.1) else f"my-{name}-{self._count}"
            package = f'package = "{name}", ' if key != name else ""
            yield f"{key} = {{ {package}{self._place(name)}{self._features()} }}"
        if local and self._by_chance(0.2):
            yield f'helper = {{ path = "{self._folder}/helper" }}'

    def _features(self) -> str:
        return self._random.choice(("", "", "", ', features = ["extra"]', ", default-features = false"))

    def _place(self, name: str) -> str:
        version = f'version = "{self._range()}"'
        repositories = [one for one, called in self._packages.items() if name in called]
        if repositories and self._by_chance(0.5):
            return self._git(self._random.choice(repositories))
        return self._random.choice((version, f"{version}, {self._acme_said}"))

    def _range(self) -> str:
        return self._random.choice(RANGES if self._by_chance(0.3) else ("*", ">=0.1", ">=0.1, <2"))

    def _git(self, repository: str) -> str:
        commits = self._commits[repository]
        references = [*_REFERENCES]
        references += [f'rev = "{one}"' for one in (commits[0], commits[0][:9], commits[-1], "v1", "refs/heads/side")]
        said = [f'git = "file://{self._folder}/{repository}"', self._random.choice(references)]
        said += [f'version = "{self._range()}"'] if self._by_chance(0.15) else []
        return ", ".join(filter(None, said))

    def _tables(self) -> Iterator[str]:
        for kind in ("dependencies", "dev-dependencies", "target.'cfg(windows)'.dependencies"):
            yield f"[{kind}]"
            yield from self._dependencies(0, 3)
        if self._has_patches:
            yield from self._patches()

    def _patches(self) -> Iterator[str]:
        places = ["crates-io", self._random.choice(("acme", f'"sparse+{self._acme.url}/"'))]
        places += [f'"file://{self._folder}/{one}"' for one in self._packages]
        for of in self._random.sample(places, self._random.randint(1, 2)):
            yield f"[patch.{of}]"
            for name in self._random.sample(NAMES, self._random.randint(1, 2)):
                yield self._patch(name, of)

    def _patch(self, name: str, of: str) -> str:
        repositories = [one for one, called in self._packages.items() if name in called and f"/{one}" not in of]
        form = self._random.randrange(3)
        if form == 0 and repositories:
            return f"{name} = {{ {self._git(self._random.choice(repositories))} }}"
        if form == 1 and of not in ("acme", f'"sparse+{self._acme.url}/"'):
            versions = [msgspec.json.decode(line)["vers"] for line in self._acme.lines[name.lower()]]
            return f'{name} = {{ version = "={self._random.choice(versions)}", registry = "acme" }}'
        folder = self._folder / "patched" / name
        body = "\n".join(self._dependencies(NAMES.index(name) + 1, 2, local=False))
        version = self._random.choice(_VERSIONS)
        add_package(folder, name, f"[dependencies]\n{body}\n[features]\nextra = []\nall = []", f'version = "{version}"')
        return f'patched-{name} = {{ package = "{name}", path = "../patched/{name}" }}'

    def _by_chance(self, share: float) -> bool:
        return self._random.random() < share
