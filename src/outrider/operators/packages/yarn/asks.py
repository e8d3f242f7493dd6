"""What is asked of Yarn, and what of a project asks for it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.details import Member, NpmDetails
from outrider.operators.packages.npm.members import texts_with_places
from outrider.operators.packages.npm.specs import Spec
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


class Ask(NamedTuple):
    """One thing that is asked for.

    Attributes:
        key: How the lock file names it.
        spec: What it is in a registry.
        kind: What is made of that, as `Patched` has it; empty for the package itself.
        needer: Who needs it; empty for the project.
        instead: The key of what is taken in its place; empty where that is nothing else.
        path: Of Yarn 1: the names of whoever leads to it.
        source: Of a patch: the key of what it is made from.
        is_source: Whether it is asked for because a patch is made from it, and not by the needer itself.
        passing: Of Yarn 1: whether something else takes its place later on, so that it is in no lock, and only what it needs is.
    """

    key: str
    spec: Spec
    kind: str = ""
    needer: str = ""
    instead: str = ""
    path: tuple[str, ...] = ()
    source: str = ""
    is_source: bool = False
    passing: bool = False


class Local(NamedTuple):
    """A package of the project: its root, whose place is empty, or a member of its workspace.

    Attributes:
        member: As the question has it.
        package: What the lock file has of it.
    """

    member: Member
    package: ResolvedPackage

    def fits(self, text: str, *, without: str = "") -> bool:
        """Return whether its version is one of a range.

        Args:
            text: The range; anything else allows no version.
            without: The version that counts where it has none.
        """
        said = self.member.manifest.get("version") or without
        try:
            return isinstance(said, str) and bool(said) and bool(VersionTable(scheme_of("npm"), [said]).mask(text))
        except InvalidConfigError:
            return False


def asked_by_name(question: Question) -> Mapping[str, Mapping[str, str]]:
    """Return what each package of a project asks for, by its folder and by name."""
    found: dict[str, dict[str, str]] = {one.place: {} for one in NpmDetails.of(question).members}
    for place, text in texts_with_places(question):
        name, wanted = split_name(text)
        found[place][name] = wanted
    return found


def named(locals_: Iterable[Local], name: str) -> Local | None:
    """Return the package of a project that goes by a name."""
    return next((one for one in locals_ if one.member.name == name), None)
