"""Workspaces of uv, drawn by chance, with what they need in folders, of other indexes and on some machines alone."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.uv_projects import MARKERS, RANGES, need

MEMBERS = ("m1", "M2.x", "m3", "m4")
FOLDERS = ("libs/f1", "libs/f2", "../outside/f3")
# Of the other index alone.
SPECIAL = ("special", "rare")
ENVIRONMENTS = (
    ["sys_platform == 'linux'"],
    ["sys_platform == 'linux'", "sys_platform == 'darwin'"],
    ["sys_platform == 'darwin'", "sys_platform == 'linux' and python_version >= '3.12'"],
    ["python_version < '3.13'"],
    ["implementation_name == 'cpython' and sys_platform != 'win32'"],
    ["platform_machine == 'x86_64' and sys_platform == 'linux'", "sys_platform == 'win32'"],
)
REQUIRED = ("sys_platform == 'linux' and platform_machine == 'x86_64'", "sys_platform == 'darwin'")
_BUILD = "[build-system]\nrequires = []\nbuild-backend = 'backend'"


def manifest(
    name: str,
    dependencies: Iterable[str] = (),
    *,
    extras: Mapping[str, list[str]] | None = None,
    groups: Mapping[str, list[str]] | None = None,
    pythons: str = ">=3.11",
    version: str = "1.0",
    more: str = "",
) -> str:
    """Return a pyproject.toml; of groups alone where no name is given."""
    lines = [
        "[project]",
        f'name = "{name}"',
        f'version = "{version}"',
        f"dependencies = {json.dumps(list(dependencies))}",
    ]
    lines += [f'requires-python = "{pythons}"'] if pythons else []
    lines = lines if name else []
    for table, entries in (("project.optional-dependencies", extras), ("dependency-groups", groups)):
        lines += (
            [f"[{table}]", *(f"{key} = {json.dumps(needs)}" for key, needs in (entries or {}).items())]
            if entries
            else []
        )
    return "\n".join([*lines, more, ""])


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write manifests by their folders, and return where the lock of the first one is to be."""
    for place, text in files.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / "pyproject.toml").write_text(text)
    return folder / "uv.lock"


def fill_others(random: Random, index: PythonIndex, other: PythonIndex) -> None:
    """Have packages that need members of a workspace, and packages of another index."""
    for version in ("1.0", "2.0"):
        index.add("plug", version, need(random, "m1"), "f1[x]; sys_platform != 'win32'")
    for name in ("m1", "f1"):
        index.add(name, "9.0", "alpha")
    for name in SPECIAL:
        for version in ("0.9", "1.0", "3.0"):
            other.add(name, version, need(random, "alpha"), need(random, "zeta"), extras=["fast"])
            index.add(name, version, "beta")


class DrawnWorkspace:
    """Draws a workspace.

    Args:
        random: By which.
        names: Of packages of the index.
        other: The address of another index.
    """

    def __init__(self, random: Random, names: list[str], other: str) -> None:
        self._random, self._names, self._other = random, [*names, "plug"], other
        self._members = random.sample(MEMBERS, random.randint(0, 4))
        self._folders = random.sample(FOLDERS, random.choice((0, 0, 1, 2, 3)))
        self._editable = {name: random.choice(("", "", ", editable = true", ", editable = false")) for name in MEMBERS}
        self._kinds = {name: random.choice(("", ", editable = true", ", package = false")) for name in FOLDERS}

    def files(self) -> dict[str, str]:
        """Return its manifests by their folders."""
        random = self._random
        is_project = not self._members or random.random() < 0.8
        shared = random.random() < 0.4
        found = {".": self._root(is_project=is_project, shared=shared)}
        for name in self._members:
            found[f"packages/{name}"] = self._project(name, f"packages/{name}", shared=shared)
        for place in self._folders:
            found[place] = self._project(Path(place).name, place, shared=False, is_member=False)
        return found

    def _root(self, *, is_project: bool, shared: bool) -> str:
        random = self._random
        tables = ["[tool.uv]"]
        if random.random() < 0.3:
            tables.append(f"constraint-dependencies = {json.dumps(self._some(2, extras=False))}")
        if random.random() < 0.2:
            tables.append(f"override-dependencies = {json.dumps(self._some(2))}")
        if random.random() < 0.3:
            tables.append(f"environments = {json.dumps(random.choice(ENVIRONMENTS))}")
        if random.random() < 0.2:
            tables.append(f"required-environments = {json.dumps([random.choice(REQUIRED)])}")
        if random.random() < 0.3:
            tables.append(f"dev-dependencies = {json.dumps(self._some(1))}")
        if self._members:
            tables += ["[tool.uv.workspace]", "members = ['packages/*']", "exclude = ['packages/none']"]
        explicit = random.choice(("explicit = true", "explicit = true", ""))
        tables += ["[[tool.uv.index]]", "name = 'own'", f"url = '{self._other}{random.choice(('', '/'))}'", explicit]
        return self._project("Root" if is_project else "", ".", shared=shared, is_root=True, more="\n".join(tables))

    def _project(
        self, name: str, place: str, *, shared: bool, is_root: bool = False, is_member: bool = True, more: str = ""
    ) -> str:
        random = self._random
        local = [one for one in self._members if one != name] if is_member else []
        local += [] if not is_member else [Path(one).name for one in self._folders]
        needs = [self._need(one) for one in local if random.random() < 0.4]
        needs += [self._need(one) for one in SPECIAL if is_member and random.random() < 0.2]
        extras = {"x": self._some(2), "Why_y": [*self._some(1), f"{name}[x]"]}
        groups = {"dev": self._some(2), "test": [*self._some(1), *(self._need(one) for one in local[:1])]}
        sources = [] if (shared and not is_root) or not is_member else self._sources(place, own=name)
        return manifest(
            name, [*self._some(3), *needs], extras=extras if random.random() < 0.5 and name else {},
            groups=groups if random.random() < 0.4 or not name else {}, version=random.choice(("1.0", "0.1.dev3", "2!1")),
            pythons=random.choice((">=3.11", ">=3.10,<4", ">=3.11.0,<3.15")) if is_member else random.choice(("", ">=3.8")),
            more="\n".join(["[tool.uv.sources]", *sources, more, _BUILD if random.random() < 0.3 and name else ""]),
        )  # fmt: skip

    def _some(self, most: int, *, extras: bool = True) -> list[str]:
        random = self._random
        return [
            f"{name}{random.choice(('', '[fast]')) if extras else ''}{random.choice(RANGES)}{random.choice(('', '', f' ; {random.choice(MARKERS)}'))}"
            for name in random.sample(self._names, random.randint(0, most))
        ]  # fmt: skip

    def _need(self, name: str) -> str:
        random = self._random
        extra = random.choice(("", "", "[x]", "[why-y,x]"))
        return f"{name}{extra}{random.choice(('', '>=0.1'))}{random.choice(('', '', f' ; {random.choice(MARKERS)}'))}"

    def _sources(self, place: str, *, own: str) -> list[str]:
        up = "../.." if place.startswith("packages/") else "."
        found = [f'"{one}" = {{ workspace = true{self._editable[one]} }}' for one in self._members if one != own]
        found += [f'{Path(one).name} = {{ path = "{up}/{one}"{self._kinds[one]} }}' for one in self._folders]
        return found + [f"{one} = {{ index = 'own' }}" for one in SPECIAL]
