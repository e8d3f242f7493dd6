"""Projects of uv that have packages from several indexes, each for some machines, an extra or a group; drawn by chance."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.uv_projects import MARKERS, PYTHONS, need, project
from outrider.operators.packages.tests.uv_workspaces import manifest, write

# In the default index and in both others, in other versions.
NAMES = ("torch", "vision", "audio")
# As PyTorch's documentation has them.
TWO = "[tool.uv.sources]\ntorch = [\n  { index = 'cpu', marker = \"sys_platform != 'linux'\" },\n  { index = 'cu', marker = \"sys_platform == 'linux'\" },\n]\n"
DISJOINT = (
    ("sys_platform == 'linux'", "sys_platform != 'linux'"),
    ("sys_platform == 'darwin'", "sys_platform == 'linux'"),
    ("sys_platform == 'win32'", "sys_platform == 'darwin'", "sys_platform == 'linux'"),
    ("python_version < '3.13'", "python_version >= '3.13'"),
    ("platform_machine == 'x86_64'", "platform_machine == 'arm64'"),
    ("sys_platform == 'linux' and platform_machine == 'x86_64'", "sys_platform == 'win32' or sys_platform == 'darwin'"),
    ("python_version >= '3.12' and sys_platform == 'linux'", "python_version < '3.12'"),
)
_VERSIONS = ("1.0", "1.5", "2.0", "2.1", "3.0")
# As PyTorch has them: for each Python, and local versions for few platforms.
_PYTHONS = ("cp310-cp310", "cp311-cp311", "cp312-cp312", "cp313-cp313", "cp314-cp314")
_BUILT = ("manylinux_2_28_x86_64", "win_amd64")
_PLAIN = ("macosx_11_0_arm64", "manylinux_2_28_aarch64", "macosx_10_9_x86_64", "win_arm64")


def index_tables(urls: Mapping[str, str]) -> str:
    """Return what a manifest says of indexes that are asked for some packages alone, by their names."""
    tables = (f"[[tool.uv.index]]\nname = '{name}'\nurl = '{url}'\nexplicit = true\n" for name, url in urls.items())
    return "".join(tables)


def fill_with_local_versions(random: Random, indexes: Mapping[str, PythonIndex], names: Iterable[str]) -> None:
    """Fill indexes with packages that need each other and others: those of the special ones have local versions too.

    Args:
        random: By which.
        indexes: By what their local versions are called; empty for the default one.
        names: Of packages of the default one.
    """
    for local, index in indexes.items():
        for at, name in enumerate(NAMES):
            for version in random.sample(_VERSIONS, random.randint(2, 4)):
                needs = [need(random, one) for one in random.sample([*names], random.randint(0, 2))]
                needs += [f"torch{random.choice(('', '<3', f'=={version}'))}"] if at and random.random() < 0.7 else []
                for one, tag in _files(random, version, local):
                    index.add(name, one, *needs, tag=tag)


def _files(random: Random, version: str, local: str) -> Iterator[tuple[str, str]]:
    """Yield the versions and tags of wheels of a version."""
    if local and random.random() < 0.7:
        for python, platform in product(_PYTHONS, random.sample(_BUILT, random.randint(1, 2))):
            yield f"{version}+{local}", f"{python}-{platform}"
        for python, platform in product(_PYTHONS, random.sample(_PLAIN, random.randint(0, 2))):
            yield version, f"{python}-{platform}"
        return
    if random.random() < 0.5:
        yield version, "py3-none-any"
    for python, platform in product(_PYTHONS, random.sample((*_BUILT, *_PLAIN), random.randint(1, 3))):
        yield version, f"{python}-{platform}"


class DrawnSources:
    """Draws projects and workspaces.

    Args:
        random: By which.
        names: Of packages of the default index.
        indexes: The addresses of two more, by their names.
    """

    def __init__(self, random: Random, names: list[str], indexes: Mapping[str, str]) -> None:
        self._random, self._names, self._indexes = random, names, indexes

    def project(self, folder: Path) -> Path:
        """Have a project, and return where its lock is to be."""
        random = self._random
        extras = {"cpu": self._some(2), "all-x": ["shop[cpu]", *self._some(1)]} if random.random() < 0.5 else {}
        groups = {"dev": self._some(2), "lint": self._some(1)} if random.random() < 0.5 else {}
        table = self._table({**extras, **groups}, extras, groups, folders=True)
        # What constrains or overrides packages of folders is refused.
        amendments = self._amendments() if "path =" not in table else []
        more = [table, *amendments, index_tables(self._indexes)]
        write(folder, {f"libs/{name}": manifest(name, ["theta"], version="2.5") for name in NAMES})
        return project(
            folder, self._some(3), extras=extras, groups=groups, pythons=random.choice(PYTHONS), more="\n".join(more)
        )

    def workspace(self, folder: Path) -> Path:
        """Have a workspace, and return where its lock is to be."""
        random = self._random
        shared = random.random() < 0.5
        root = f"[tool.uv.workspace]\nmembers = ['packages/*']\n{index_tables(self._indexes)}"
        files = {".": manifest("root", self._some(2), more=f"{self._table({}, {}, {})}\n{root}")}
        for name in random.sample(("m1", "m2", "z3"), random.randint(1, 3)):
            extras = {"x": self._some(1)} if random.random() < 0.4 else {}
            groups = {"dev": self._some(1)} if random.random() < 0.4 else {}
            table = "" if shared else self._table({**extras, **groups}, extras, groups)
            files[f"packages/{name}"] = manifest(name, self._some(2), extras=extras, groups=groups, more=table)
        return write(folder, files)

    def _some(self, most: int) -> list[str]:
        random = self._random
        found = [
            f"{name}{random.choice(('', '', '>=1', '<3', '!=2.0'))}{random.choice(('', '', f' ; {random.choice(MARKERS)}'))}"
            for name in random.sample(NAMES, random.randint(0, most))
        ]
        return [*found, *(need(random, one) for one in random.sample(self._names, random.randint(0, 1)))]

    def _table(
        self, lists: Mapping[str, list[str]], extras: Iterable[str], groups: Iterable[str], *, folders: bool = False
    ) -> str:
        random = self._random
        lines = ["[tool.uv.sources]"]
        for name in NAMES:
            has_it = [key for key, needs in lists.items() if any(one.startswith(name) for one in needs)]
            of = random.choice(has_it) if has_it and random.random() < 0.3 else ""
            key = "" if not of else f", extra = '{of}'" if of in extras else f", group = '{of}'"
            markers = random.choice(DISJOINT)
            some = random.sample(markers, random.randint(1, len(markers)))
            froms = [f'index = "{random.choice([*self._indexes])}"' for _ in some]
            if folders and random.random() < 0.2:
                froms[0] = f'path = "libs/{name}"'
            sources = [f'{{ {each}{key}, marker = "{one}" }}' for each, one in zip(froms, some, strict=True)]
            listed = sources[0] if len(sources) == 1 else f"[{', '.join(sources)}]"
            if random.random() < 0.2:
                lines.append(f'{name} = {{ index = "{random.choice([*self._indexes])}"{key} }}')
            elif random.random() < 0.7:
                lines.append(f"{name} = {listed}")
        return "\n".join(lines)

    def _amendments(self) -> list[str]:
        random = self._random
        keys = [one for one in ("constraint", "override") if random.random() < 0.15]
        return ["[tool.uv]", *(f'{one}-dependencies = ["{random.choice(NAMES)}<3"]' for one in keys)] if keys else []
