"""Places packages in folders as bun does: `Tree.rs` of bun 1.4.

What nothing stands against goes to the top. Where another version is in the way, a package stands with whoever needs it.
"""

from collections import deque
from typing import NamedTuple

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.npm.bun.graph import BunPackage
from outrider.operators.packages.npm.bun.needs import OPTIONAL_PEER, PEER, WORKSPACE, BunNeed


class Slot(NamedTuple):
    """A need, by which a package stands in a folder.

    Attributes:
        package: Whoever needs it.
        at: The number of the need.
    """

    package: BunPackage
    at: int

    @property
    def need(self) -> BunNeed:
        """The need."""
        return self.package.needs[self.at]

    @property
    def target(self) -> BunPackage | None:
        """What meets it."""
        return self.package.targets[self.at]

    def meet(self, target: BunPackage | None) -> None:
        """Have it met."""
        self.package.targets[self.at] = target


class Folder:
    """A folder of modules.

    Args:
        package: Whose folder it is.
        parent: The one above; None for that of the project.
        path: Names of the package whose folder it is, and of those above that; empty for the project.

    Attributes:
        slots: What stands in it, by name.
    """

    __slots__ = ("package", "parent", "path", "slots")

    def __init__(self, package: BunPackage, parent: "Folder | None", path: tuple[str, ...]) -> None:
        self.package, self.parent, self.path = package, parent, path
        self.slots: dict[str, Slot] = {}


class _Fill(NamedTuple):
    """A package whose needs are to be placed.

    Attributes:
        package: Which one.
        parent: The folder that it stands in; None for the project.
        name: By which it stands there.
        top: The folder above which nothing of it goes; None where that is the project's.
    """

    package: BunPackage
    parent: Folder | None = None
    name: str = ""
    top: Folder | None = None


def hoisted(root: BunPackage) -> list[Folder]:
    """Place all that a project needs; optional peers are met by what is there, and by nothing else.

    Args:
        root: The project.

    Returns:
        The folders, without empty ones.
    """
    # Those that are met stand elsewhere than those that are not.
    while True:
        hoister = _Hoister(root)
        hoister.fill(_Fill(root))
        while hoister.waiting:
            hoister.fill(hoister.waiting.popleft())
        if not hoister.has_met:
            return hoister.folders


class _Hoister:
    def __init__(self, root: BunPackage) -> None:
        self._root = root
        self.folders: list[Folder] = []
        self.waiting: deque[_Fill] = deque()
        self.has_met = False
        self._unmet: dict[str, list[Slot]] = {}

    def fill(self, fill: _Fill) -> None:
        """Place what a package needs."""
        package = fill.package
        self._refuse_cycle(fill)
        folder = Folder(package, fill.parent, () if fill.parent is None else (*fill.parent.path, fill.name))
        for at in sorted(range(len(package.needs)), key=lambda at: package.needs[at].order):
            slot = Slot(package, at)
            if slot.need.is_bundled:
                self._place(folder, slot, folder)
            elif slot.need.kind == PEER and package.place and package.target_of(slot.need.name) is not None:
                # What a member needs itself stands for its peer.
                continue
            elif slot.target is not None or slot.need.kind == OPTIONAL_PEER:
                self._hoist(folder, slot, fill.top)
        if folder.slots:
            self.folders.append(folder)

    def _refuse_cycle(self, fill: _Fill) -> None:
        names = [fill.package.shown]
        above = fill.parent
        while above is not None:
            names.append(above.package.shown)
            if above.package is fill.package and above.path[-1:] == (fill.name,):
                raise UnsupportedError(
                    f"npm: packages need each other in versions that cannot stand in folders: {' > '.join(reversed(names))}"[:400],
                    path="packages", found="a cycle without end", expected="one version of one of them",
                    suggestions=['name a version of it under "overrides"'],
                )  # fmt: skip
            above = above.parent

    def _hoist(self, own: Folder, slot: Slot, top: Folder | None) -> None:
        """Place a need at the top, or have it met by what stands on the way there, or else in its own folder."""
        name, folder = slot.need.name, own
        while name not in folder.slots and folder.parent is not None and folder is not top:
            folder = folder.parent
        there = folder.slots.get(name)
        if there is None:
            self._place(own if _misses_peer(own, folder, slot.target) else folder, slot, top)
        elif there.target is None and slot.target is None:
            self._unmet.setdefault(name, []).append(slot)
        elif self._takes_place(there, slot):
            # What the member needs itself stands behind a dot then.
            self.waiting = deque(
                one._replace(name=f"./{name}") if one.package is there.target and one.name == name else one
                for one in self.waiting
            )
            self._place(folder, slot, top)
        elif there.target is None:
            # An optional peer held the place for it.
            self._meet(there, slot.target)
            self._place(folder, slot, top)
        else:
            if slot.target is None:
                self._meet(slot, there.target)
            if folder is not own and (not self._does(there, slot) or _misses_peer(own, folder, slot.target)):
                self._place(own, slot, top)

    def _place(self, folder: Folder, slot: Slot, top: Folder | None) -> None:
        folder.slots[slot.need.name] = slot
        if slot.target is not None and slot.target.needs:
            self.waiting.append(_Fill(slot.target, folder, slot.need.name, top))

    def _meet(self, slot: Slot, target: BunPackage | None) -> None:
        """Have an optional peer be met, and all that wait for one of its name."""
        self.has_met = True
        for one in (slot, *self._unmet.pop(slot.need.name, ())):
            one.meet(target)

    def _takes_place(self, there: Slot, slot: Slot) -> bool:
        """Return whether something else that the project asks for takes the place of a member: a tag does not."""
        is_range = not slot.need.wanted.is_tag and bool(slot.need.text.strip())
        is_of_project = slot.package is self._root and not slot.need.is_peer
        return there.need.kind == WORKSPACE and there.target is not slot.target and is_of_project and is_range

    def _does(self, there: Slot, slot: Slot) -> bool:
        """Return whether what is in a folder does for a need."""
        # Of what stands in several fields of a member the first one counts.
        if there.target is slot.target or there.package is slot.package:
            return True
        if not slot.need.is_peer:
            return False
        assert there.target is not None
        # What the project asks for itself does for peers, whatever its version.
        return there.target.meets(slot.need.wanted) or there.package is self._root


def _misses_peer(own: Folder, folder: Folder, target: BunPackage | None) -> bool:
    """Return whether a package would find a peer that does in one folder, and in the other one above only one that does not."""
    for need in target.needs if target is not None and target.npm is not None and folder is not own else ():
        if need.kind == PEER:
            above = _seen_from(folder, need.name)
            if above is not None and not above.meets(need.wanted):
                below = own.package.target_of(need.name) or _seen_from(own, need.name)
                if below is not None and below.meets(need.wanted):
                    return True
    return False


def _seen_from(folder: Folder | None, name: str) -> BunPackage | None:
    """Return what is found by a name from a folder on."""
    while folder is not None:
        if name in folder.slots:
            return folder.slots[name].target
        folder = folder.parent
    return None
