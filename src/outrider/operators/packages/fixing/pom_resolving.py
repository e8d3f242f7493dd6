"""What Maven chooses for a pom.xml with other texts than it has, as a fix looks at it."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.entries import Findings
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.manifests.pom import FORM
from outrider.operators.packages.maven.choosing import allows
from outrider.operators.packages.maven.coordinates import Artifact, ArtifactKey
from outrider.operators.packages.maven.descriptors import Need, need_of
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.own_projects import OwnChoice, OwnProject
from outrider.operators.packages.maven.reactor import Reactor
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.resolver import MavenResolver
from outrider.operators.packages.maven.session import opened
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.questions import Question

# Whose range something was chosen against, and what; with a sentence about it.
Violation = tuple[str, ArtifactKey]
Violations = dict[Violation, str]
_NOT_NEEDED = ("test", "provided", "system")


class Chosen(NamedTuple):
    """What is chosen.

    Attributes:
        choice: As Maven has it.
        needs: What the artifacts that were chosen need in turn, as their POMs say it, with who needs it.
    """

    choice: OwnChoice
    needs: list[tuple[Artifact, Need]]

    @property
    def versions(self) -> dict[str, set[str]]:
        """The versions that were chosen, by name."""
        found: dict[str, set[str]] = {}
        for key, version in self.choice.versions.items():
            found.setdefault(f"{key[0]}:{key[1]}", set()).add(version)
        return found

    @property
    def lock(self) -> Lock:
        """The same as a lock; what was moved is in it by its former names too, for advisories may know it by these."""
        findings = Findings(FORM, "maven")
        for node in self.choice.nodes:
            assert node.artifact is not None
            source = "path" if node.is_local else ""
            for project in (node.artifact.project, *node.moves):
                findings.add(project.name, project.version, development=node.scope == "test", source=source)
        return findings.lock()

    @property
    def direct(self) -> set[str]:
        """The names of what the project asks for itself."""
        return {need_of(one).artifact.name for one in self.choice.own.model.dependencies}

    @property
    def needers(self) -> dict[str, list[str]]:
        """Who needs what, by name."""
        found: dict[str, set[str]] = {}
        for who, need in self.needs:
            found.setdefault(need.artifact.name, set()).add(who.name)
        return {name: sorted(names) for name, names in found.items()}

    def keys(self, name: str, version: str) -> list[ArtifactKey]:
        """Return the artifacts of a version that were chosen, as they are asked for."""
        return [
            (project.group, project.artifact, *node.artifact.key[2:])
            for node in self.choice.nodes
            if node.artifact is not None
            for project in (node.artifact.project, *node.moves)
            if (project.name, project.version) == (name, version)
        ]

    def against(self, key: ArtifactKey, version: str) -> dict[str, str]:
        """Return whose ranges of an artifact do not allow a version, with a sentence about each."""
        return {
            who.name: f"{who.shown} needs {need.artifact.shown}, and {version} is not in that."
            for who, need in self.needs
            if need.artifact.key == key and not _is_allowed(need.artifact.version, version)
        }

    def violations(self) -> "Violations":
        """Return by whose range of what something was chosen against it, with a sentence about each."""
        return {
            (who, key): why
            for key, version in self.choice.versions.items()
            for who, why in self.against(key, version).items()
        }


def is_range(text: str) -> bool:
    """Return whether other versions than those that a text allows would not do."""
    return text.startswith(("[", "("))


def _is_allowed(text: str, version: str) -> bool:
    try:
        return not is_range(text) or allows(RESOLVER_SCHEME.range(text), RESOLVER_SCHEME.parse(version).key)
    except InvalidConfigError:
        return True  # of a range that nobody can read, what is managed takes the place


async def chosen(
    path: Path, contents: Mapping[Path, bytes], build: Collection[Path], question: Question
) -> Chosen | Impossible:
    """Return what Maven chooses.

    Args:
        path: Of the pom.xml, absolute.
        contents: Of it, of its parents on the machine, and of the whole build.
        build: The projects of the build that it is of; none where it is one by itself.
        question: What may be used for an answer.

    Raises:
        NotFoundError: No repository has a dependency.
        OutriderError: As `OwnProject.choice`.
    """
    async with opened(msgspec.structs.replace(question, folder=path.parent)) as (source, reading, settings):
        resolver = MavenResolver(source, reading, question.policy)
        project = OwnProject(path, reading, settings, resolver, Reactor(contents, build))
        choice = await project.choice(contents[path].decode())
        return choice if isinstance(choice, Impossible) else Chosen(choice, [*_needs(choice, reading)])


def _needs(choice: OwnChoice, reading: Reading) -> Iterator[tuple[Artifact, Need]]:
    for node in choice.nodes:
        descriptor = None if node.artifact is None else reading.lookup.descriptor(node.artifact.project)
        for need in descriptor.needs if descriptor is not None else ():
            if need.scope not in _NOT_NEEDED and not need.optional and node.artifact is not None:
                yield node.artifact, need
