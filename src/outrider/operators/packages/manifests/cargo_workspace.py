"""What the packages of a Cargo.lock ask for together: each requirement once, in the file that has it, and who asks for it."""

import os
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.cargo.details import CargoDetails, CargoPatch, LocalNeed, LocalPackage
from outrider.operators.packages.cargo.places import GIT, USUAL
from outrider.operators.packages.cargo.rust import read_rust
from outrider.operators.packages.manifests.cargo import ANY, CargoDependency, CargoManifest, WrittenPatch, heeds_rust
from outrider.operators.packages.manifests.cargo_files import manifest_in
from outrider.operators.packages.manifests.cargo_members import CargoMembers
from outrider.operators.packages.resolving.questions import Question

_FIRST_OF_FORM_4 = (1, 78, 0)


class CargoWish(msgspec.Struct, kw_only=True, frozen=True):
    """A requirement.

    Attributes:
        file: The manifest that has it.
        where: Keys that lead to it there.
        name: Of the crate.
        range: The requirement; empty for whatever version a repository has.
        features: That are asked of it there, `-default` among them where the usual ones are declined.
        place: The registry or the repository that has it, as `CargoDependency` says.
    """

    file: Path
    where: tuple[str, ...]
    name: str
    range: str
    features: tuple[str, ...] = ()
    place: str = USUAL

    def text(self, requirement: str = "") -> str:
        """Return it as it is asked for, with another requirement where one is given."""
        features = f"[{','.join(self.features)}]" if self.features else ""
        return f"{self.name}{features}@{requirement or self.range}".removesuffix("@")


class CargoWorkspace(NamedTuple):
    """The packages that a Cargo.lock is of: one by itself, or the members of a workspace, with what they need in folders.

    Attributes:
        wishes: What they need of registries and repositories, in the order of Cargo.
        packages: What they are.
        names: Of each of these, how Cargo calls it.
        form: The version of Cargo.lock that Cargo writes for them.
        heeds_rust: Whether Cargo tries first what goes with a version of Rust (resolver 3).
        rust: The versions of Rust that the members say they need.
        texts: Of all manifests that count.
        patches: What is to be taken in place of what registries and repositories have.
    """

    wishes: list[CargoWish]
    packages: list[LocalPackage]
    names: dict[str, str]
    form: int
    heeds_rust: bool
    rust: list[str]
    texts: dict[Path, str]
    patches: list[CargoPatch]


def asked(
    workspace: CargoWorkspace,
    question: Question,
    folder: Path,
    commits: Mapping[str, str] | None = None,
    *,
    is_bounded: bool = False,
) -> Question:
    """Return a question with all that a workspace asks for, and for what.

    Args:
        workspace: Who asks.
        question: What may be used for an answer.
        folder: Of it, whose settings count.
        commits: Of repositories, by their places, those that a lock has.
        is_bounded: Whether strangers have written it.
    """
    return msgspec.structs.replace(
        question, packages=[one.text() for one in workspace.wishes], folder=folder,
        details=CargoDetails(
            local=workspace.packages, heeds_rust=workspace.heeds_rust, rust=workspace.rust, places=[one.place for one in workspace.wishes],
            patches=workspace.patches, commits=commits or {}, is_bounded=is_bounded,
        ),
    )  # fmt: skip


def read_workspace(path: Path) -> CargoWorkspace:
    """Read a Cargo.toml, and all manifests that it leads to.

    Args:
        path: Of the manifest beside the lock.

    Raises:
        NotFoundError: There is no manifest where one is named.
        InvalidConfigError: One cannot be read, or Cargo would refuse how they are put together.
        UnsupportedError: The manifest is that of a member, whose workspace has the lock, or it needs what is not read here.
    """
    found = CargoMembers(path)
    _refuse_double(found)
    _refuse_cycle(found)
    wishes = _Wishes(path)
    packages = [
        *(wishes.package(one, is_member=True) for one in found.members.values()),
        *(wishes.package(one, is_member=False) for one in found.others.values()),
    ]
    rust = [one.rust for one in found.members.values() if one.rust]
    oldest = min((one for text in rust if (one := read_rust(text)) is not None), default=_FIRST_OF_FORM_4)
    return CargoWorkspace(
        wishes=list(wishes.found), packages=packages, names=wishes.names, form=4 if oldest >= _FIRST_OF_FORM_4 else 3,
        heeds_rust=heeds_rust(found.root), rust=rust, texts=found.texts, patches=[wishes.patch(one) for one in found.patches],
    )  # fmt: skip


class _Wishes:
    """What packages ask for, each place once: what members take over from their workspace is asked for by all of them.

    Args:
        path: Of the manifest beside the lock.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self.found: dict[CargoWish, int] = {}
        self.names: dict[str, str] = {}

    def package(self, one: CargoManifest, *, is_member: bool) -> LocalPackage:
        """Return a package, once what it asks for is among what was found."""
        name = self._name(one.path)
        self.names[name] = one.name
        # Nobody runs the tests of what lies in a folder outside of the workspace.
        needs = [self._need(need) for need in one.dependencies if is_member or not need.for_tests]
        return LocalPackage(
            name=name,
            called=one.name,
            version=one.version,
            needs=needs,
            features=one.features,
            links=one.links,
            is_member=is_member,
        )

    def _need(self, need: CargoDependency) -> LocalNeed:
        if need.folder is not None:
            local = self._name(manifest_in(need.folder))
            return LocalNeed(
                key=need.key, local=local, range=need.range, features=need.features, optional=need.optional
            )
        usual = "" if need.place.startswith(GIT) else ANY
        wish = CargoWish(
            file=need.file, where=need.where, name=need.name, range=need.range or usual, features=need.shared, place=need.place
        )  # fmt: skip
        asked = self.found.setdefault(wish, len(self.found))
        return LocalNeed(key=need.key, asked=asked, features=need.features, optional=need.optional)

    def patch(self, one: WrittenPatch) -> CargoPatch:
        """Return a patch with the name of what lies here."""
        need = one.dependency
        return CargoPatch(
            where=f"{'.'.join(need.where)} of {need.file}", of=one.of, name=need.name, range=need.range, place=need.place,
            local=self._name(manifest_in(need.folder)) if need.folder is not None else "",
        )  # fmt: skip

    def _name(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._folder)).as_posix()


def _refuse_double(found: CargoMembers) -> None:
    known: dict[tuple[str, str], Path] = {}
    for one in [*found.members.values(), *found.others.values()]:
        # Cargo wants names of their own for members, and of others names with versions, for a lock has no more.
        key = (one.name, "" if one.path in found.members else one.version)
        other = known.setdefault(key, one.path)
        if other != one.path:
            raise InvalidConfigError(
                f"{one.path}: another package is called {one.name}, that of {other}", path="package.name", found=one.name,
                expected="names of their own", suggestions=["give one of them another name"],
            )  # fmt: skip


def _refuse_cycle(found: CargoMembers) -> None:
    """Refuse what needs itself; what tests need does not count, nor does what may be left out of what is no member."""
    manifests = {**found.members, **found.others}
    needed = {
        path: [
            manifest_in(need.folder)
            for need in one.dependencies
            if need.folder is not None and not need.for_tests and (path in found.members or not need.optional)
        ]
        for path, one in manifests.items()
    }
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        shown = " needs ".join(manifests[path].name for path in reversed(error.args[1]))
        raise InvalidConfigError(
            f"{error.args[1][0]}: packages need each other: {shown}", path="dependencies", found=shown, expected="no circle",
            suggestions=["move what both need into a package of its own"],
        ) from error  # fmt: skip
