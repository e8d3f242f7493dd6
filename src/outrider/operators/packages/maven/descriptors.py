"""What a resolver needs to know of an artifact: what it needs in turn, and what stands in for it.

https://github.com/apache/maven/tree/maven-3.8.7/maven-resolver-provider/src/main/java/org/apache/maven/repository/internal.
"""

from typing import NamedTuple

from outrider.operators.packages.maven.coordinates import Artifact, Project, file_of
from outrider.operators.packages.maven.models import Fault, Model, Models
from outrider.operators.packages.maven.poms import Dependency

_COMPILE = "compile"
_MOST_MOVES = 50


class Need(NamedTuple):
    """A dependency of an artifact, or what is managed of one.

    Attributes:
        artifact: Its version may be a range.
        scope: Where it is needed.
        optional: None where it is not said.
        exclusions: What is not needed because of it, as artifacts and groups, so that they are sorted by the artifact first.
        is_local: Whether the file is on the machine, and no repository is asked for it.
    """

    artifact: Artifact
    scope: str = _COMPILE
    optional: bool | None = None
    exclusions: tuple[tuple[str, str], ...] = ()
    is_local: bool = False


class Descriptor(NamedTuple):
    """What is known of an artifact.

    Attributes:
        moves: What it was called before it was moved, from what was asked for on; empty where it was not.
        project: What it is called now.
        needs: Its dependencies in the order of its POM.
        licences: Names or addresses.
        repositories: The names and addresses of those that its POM names.
        fault: Why what it needs is not known, and taken for nothing; empty where it is.
        absence: What is nowhere, and without which the resolution ends.
        is_there: Whether a repository has its POM.
    """

    moves: tuple[Project, ...]
    project: Project
    needs: tuple[Need, ...] = ()
    licences: tuple[str, ...] = ()
    repositories: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    absence: str = ""
    is_there: bool = True


def described(models: Models, project: Project) -> Descriptor:
    """Return what is known of an artifact, following its moves."""
    moves: list[Project] = []
    seen: set[Project] = set()
    while True:
        if project in seen or len(moves) > _MOST_MOVES:
            return Descriptor(tuple(moves), project, fault="is moved to itself")
        seen.add(project)
        model = models.model(project)
        if model is None:
            return Descriptor(tuple(moves), project, is_there=False)
        if model.faults:
            return _faulty(moves, project, model.faults)
        if model.moved is None:
            needs = tuple(need_of(one) for one in model.dependencies)
            return Descriptor(tuple(moves), project, needs, model.licences, model.repositories)
        moves.append(project)
        project = _moved(project, model)


def need_of(dependency: Dependency, scope: str = _COMPILE) -> Need:
    """Return a dependency, or what is managed of one, as a resolver takes it.

    Args:
        dependency: As a model has it.
        scope: What counts where it says none.
    """
    extension, classifier = file_of(dependency.type, dependency.classifier or None)
    return Need(
        Artifact(dependency.group or "", dependency.artifact or "", dependency.version or "", extension, classifier),
        scope=dependency.scope or scope,
        optional=None if dependency.optional is None else dependency.optional.lower() == "true",
        exclusions=tuple((artifact, group) for group, artifact in dependency.exclusions),
        is_local=bool(dependency.system_path),
    )  # fmt: skip


def _moved(project: Project, model: Model) -> Project:
    assert model.moved is not None
    return Project(*(new or old for new, old in zip(model.moved, project, strict=True)))


def _faulty(moves: list[Project], project: Project, faults: tuple[Fault, ...]) -> Descriptor:
    absences = [one.text for one in faults if one.is_absence]
    return Descriptor(
        tuple(moves), project, fault=faults[0].text, absence=absences[0] if absences else ""
    )  # fmt: skip
