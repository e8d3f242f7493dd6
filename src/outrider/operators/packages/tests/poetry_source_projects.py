"""Projects of Poetry that have packages from several indexes, drawn by chance."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.poetry_projects import PYTHONS, project
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.uv_projects import MARKERS
from outrider.operators.packages.tests.uv_sources import DISJOINT, NAMES, fill_with_local_versions

# In all indexes, in versions some of which are the same.
SHARED = ("shared", "other-one")
_PRIORITIES = ("", "primary", "supplemental", "supplemental", "explicit", "explicit")
_SOURCES = ("corp", "CPU")
# Most of what is named has something of these.
_RANGES = ("*", "*", "*", ">=1", "!=2.0", "<3", ">=1,<4", "^1.0 || ^2 || ^3")
_HEAD = ["[tool.poetry]", 'name = "shop"', 'version = "1.0"', 'description = ""', 'authors = ["A <a@b.test>"]']


def fill_all(random: Random, indexes: Mapping[str, PythonIndex], names: list[str]) -> None:
    """Fill indexes with packages of the same names.

    Args:
        random: By which.
        indexes: By what their local versions are called; empty for that of everybody.
        names: Of packages of that one.
    """
    fill_with_local_versions(random, indexes, names)
    for index in indexes.values():
        for name in SHARED:
            for version in random.sample(("1.0", "1.5", "2.0", "2.1", "3.0"), random.randint(2, 4)):
                needs = [f"{random.choice(names)}{random.choice(('', '>=1', '<3'))}", "torch; extra == 'fast'"]
                needs += [random.choice(("other-one", "other-one[fast]", "vision"))] if name == "shared" else []
                yanked = "broken" if random.random() < 0.1 else None
                shown = f"{version}rc1" if random.random() < 0.15 else version
                index.add(name, shown, *needs, extras=["fast"], yanked=yanked)
    for name in random.sample(names, 3):
        indexes["corp"].add(name, random.choice(("1.0", "2.5")), random.choice(SHARED))


class DrawnSources:
    """Draws projects.

    Args:
        random: By which.
        names: Of packages of the index of everybody.
        urls: The addresses of two more, by their names in small letters.
    """

    def __init__(self, random: Random, names: list[str], urls: Mapping[str, str]) -> None:
        self._random, self._names, self._urls = random, names, urls
        self._known: list[str] = []

    def project(self, folder: Path) -> Path:
        """Have a project, and return where its lock is to be."""
        sources = [*self._sources()]
        lines = [*(self._own() if self._random.random() < 0.5 else self._standard()), *sources]
        return project(folder, "\n".join(lines) + "\n")

    def _sources(self) -> Iterator[str]:
        random = self._random
        some = {name: random.choice(_PRIORITIES) for name in random.sample(_SOURCES, random.randint(1, 2))}
        # Where one stands for PyPI, that is there only where it is named.
        if random.random() < (0.85 if {"", "primary"} & {*some.values()} else 0.2):
            some["PyPI"] = random.choice(_PRIORITIES[:4])
        self._known = [*some] if {"", "primary"} & {*some.values()} or "PyPI" in some else [*some, "pypi"]
        for name in random.sample([*some], len(some)):
            yield from ("", "[[tool.poetry.source]]", f'name = "{name}"')
            if name != "PyPI":
                yield f'url = "{self._urls[name.lower()]}"'
            if some[name]:
                yield f'priority = "{some[name]}"'

    def _own(self) -> Iterator[str]:
        random = self._random
        yield from _HEAD
        yield from ("[tool.poetry.dependencies]", f'python = "{random.choice(PYTHONS)}"')
        yield from self._lines(3)
        if random.random() < 0.5:
            yield from ("[tool.poetry.group.dev.dependencies]", *self._lines(2))

    def _standard(self) -> Iterator[str]:
        random = self._random
        some = random.sample([*NAMES, *SHARED, *self._names], random.randint(1, 3))
        more = random.sample([*NAMES, *SHARED], random.randint(0, 2))
        pythons = random.choice([one for one in PYTHONS if one[0] in "=><"])
        yield from ("[project]", 'name = "shop"', 'version = "1.0"', f'requires-python = "{pythons}"')
        yield f"dependencies = {[self._requirement(one) for one in some]}"
        if random.random() < 0.5:
            yield from ("[project.optional-dependencies]", f"docs = {[self._requirement(one) for one in more]}")
            some += more
        if random.random() < 0.5:
            group = random.sample([*NAMES, *SHARED], random.randint(1, 2))
            yield from ("[dependency-groups]", f"dev = {[self._requirement(one) for one in group]}")
            yield "[tool.poetry.group.dev.dependencies]"
            yield from (f"{one} = {self._told(one, is_whole=False)}" for one in group if random.random() < 0.6)
        yield "[tool.poetry.dependencies]"
        for one in dict.fromkeys(some):
            if random.random() < 0.6:
                yield f'"{one}" = {self._told(one, is_whole=False)}'

    def _requirement(self, name: str) -> str:
        random = self._random
        extra = "[fast]" if name in SHARED and random.random() < 0.3 else ""
        marker = random.choice(("", "", f" ; {random.choice(MARKERS)}".replace("'", '"')))
        return f"{name}{extra}{random.choice(('', '', '>=1', '<3', '!=2.0'))}{marker}"

    def _lines(self, most: int) -> Iterator[str]:
        random = self._random
        names = random.sample([*NAMES, *SHARED], random.randint(1, most))
        for name in [*names, *random.sample(self._names, random.randint(0, 1))]:
            yield f'"{name}" = {self._told(name, is_whole=True)}'

    def _told(self, name: str, *, is_whole: bool) -> str:
        """Return what is said of a package: of one index, or of several for some machines each."""
        random = self._random
        markers = random.choice(DISJOINT) if random.random() < 0.6 else ("",)
        if random.random() < 0.07:
            markers = (random.choice(MARKERS), random.choice(MARKERS))
        some = [self._table(name, one, is_whole=is_whole) for one in random.sample(markers, len(markers))]
        return some[0] if len(some) == 1 else f"[{', '.join(some)}]"

    def _table(self, name: str, marker: str, *, is_whole: bool) -> str:
        random = self._random
        parts = [f'version = "{random.choice(_RANGES)}"'] if is_whole or random.random() < 0.1 else []
        if random.random() < (0.9 if name in NAMES else 0.6 if name in SHARED else 0.1):
            chosen = random.choice(self._known)
            parts.append(f'source = "{random.choice((chosen, chosen, chosen.lower()))}"')
        if marker:
            parts.append(f'markers = "{marker}"')
        if name in SHARED and is_whole and random.random() < 0.3:
            parts.append('extras = ["fast"]')
        return f"{{ {', '.join(parts)} }}" if parts else '"*"'
