"""Python projects as a universe for the solver; one with an extra is a package of its own that needs the project in the same version."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.projects import PypiProject
from outrider.operators.packages.resolving.naming import described
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.resolving.universe import Needs


class PypiUniverse:
    """The explored versions of projects.

    Args:
        projects: By normalised name; whatever an explored version needs is among them.
    """

    def __init__(self, projects: Mapping[str, PypiProject]) -> None:
        self._projects = projects
        self._numbers: dict[tuple[str, str], int] = {}
        self._keys: list[tuple[str, str]] = []
        self._wished: dict[int, list[str]] = {}

    def number(self, name: str, extra: str = "") -> int:
        """Return the number of a project, or of one with an extra."""
        key = (name, extra)
        if key not in self._numbers:
            self._numbers[key] = len(self._keys)
            self._keys.append(key)
        return self._numbers[key]

    def key(self, package: int) -> tuple[str, str]:
        """Return the name of a project, and an extra or nothing."""
        return self._keys[package]

    def project(self, package: int) -> PypiProject:
        """Return a project."""
        return self._projects[self._keys[package][0]]

    def roots(self, asked: Sequence[Need]) -> list[tuple[int, int]]:
        """Return what is asked for as the solver takes it."""
        for need in asked:
            self._wished.setdefault(self.number(need.name), []).append(f"{need.name}{need.range}")
        return self.asked(asked)

    def asked(self, needs: Iterable[Need]) -> list[tuple[int, int]]:
        """Return requirements as the solver takes them."""
        return [
            (self.number(need.name, extra), self._projects[need.name].mask(need.range))
            for need in needs
            for extra in ("", *need.extras)
        ]

    def versions(self, package: int) -> tuple[int, int]:
        project = self.project(package)
        return len(project.table.versions), project.explored

    def needs(self, package: int) -> Sequence[Needs]:
        name, extra = self._keys[package]
        project = self._projects[name]
        masks: dict[int, dict[int, int]] = {}
        for bit in bits(project.explored):
            for other, needed in self._of_version(project, bit, extra).items():
                groups = masks.setdefault(other, {})
                groups[needed] = groups.get(needed, 0) | 1 << bit
        return [
            (other, sum(groups.values()), tuple(value for pair in groups.items() for value in pair))
            for other, groups in masks.items()
        ]

    def _of_version(self, project: PypiProject, bit: int, extra: str) -> dict[int, int]:
        found: dict[int, int] = {}
        if extra:
            found[self.number(project.name)] = 1 << bit
        for needs in project.choices(bit, extra):
            for number, mask in self._either(needs):
                if self._keys[number] != (project.name, extra):
                    found[number] = found.get(number, mask) & mask
        return found

    def _either(self, needs: Sequence[Need]) -> Iterable[tuple[int, int]]:
        """Return what must be met for one of several needs of one project."""
        if len(needs) == 1:
            return self.asked(needs)
        masks = [self._projects[need.name].mask(need.range) for need in needs]
        return [(self.number(needs[0].name), reduce(or_, masks))]

    def full(self, package: int) -> int:
        count, allowed = self.versions(package)
        return allowed | 1 << count

    def name(self, package: int) -> str:
        name, extra = self._keys[package]
        return f"{name}[{extra}]" if extra else name

    def described(self, package: int, mask: int) -> str:
        name, extra = self._keys[package]
        project = self._projects[name]
        # What was taken back and prereleases, which no plain range allows, are missed by nobody.
        usual = project.explored & project.mask("") | mask
        return described(f"{name}[{extra}]" if extra else name, project.table.versions, usual, mask)

    def wished(self, package: int) -> str:
        return " and ".join(self._wished.get(package, ()))

    def demanded(self, package: int, versions: int, other: int) -> str:
        name, extra = self._keys[package]
        project, wanted = self._projects[name], self._keys[other][0]
        said = {
            f"{need.name}{need.range}"
            for bit in bits(versions & project.explored)
            for need in project.needs(bit, extra)
            if need.name == wanted
        }
        return said.pop() if len(said) == 1 else ""
