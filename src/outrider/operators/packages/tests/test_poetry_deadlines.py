"""Once versions are chosen it is told on which machines each is needed; that too ends where time is over."""

import pytest
from poetry.core.constraints.version import VersionRange
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package
from poetry.core.packages.project_package import ProjectPackage

from outrider.core.errors import DeadlineExceededError
from outrider.operators.packages.pypi.poetry.graphs import Places, placed
from outrider.operators.packages.pypi.poetry.kinds import merged


def late() -> None:
    raise DeadlineExceededError("a test")


def chosen() -> tuple[ProjectPackage, list[Package]]:
    root = ProjectPackage("shop", "1")
    need = Dependency.create_from_pep_508("web; sys_platform == 'linux'")
    root.add_dependency(need)
    return root, [Package("web", "1.0")]


def places() -> Places:
    return placed(*chosen(), lambda: None)


def test_of_one_kind_of_machines() -> None:
    with pytest.raises(DeadlineExceededError):
        placed(*chosen(), late)


def test_of_several() -> None:
    root, (web,) = chosen()
    kinds = [({web: {"web": root.requires[0]}}, places()), ({}, places())]
    with pytest.raises(DeadlineExceededError):
        merged(kinds, VersionRange(), late)
    (place,) = merged(kinds, VersionRange(), lambda: None).values()
    assert {str(marker) for marker in place.markers.values()} == {'sys_platform == "linux"'}
