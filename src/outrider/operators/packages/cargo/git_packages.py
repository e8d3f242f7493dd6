"""The packages of a commit: all of its folders are looked through, as Cargo does it.

`read_packages` in src/cargo/sources/path.rs of Cargo 1.95: folders that are hidden and those of builds are left out, unless a manifest
leads there, and a manifest that cannot be read is as none.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from outrider.core.errors import NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.cargo.git_repositories import Checkout
from outrider.operators.packages.cargo.lines import CargoNeed, CargoRelease
from outrider.operators.packages.cargo.places import GIT, key_of
from outrider.operators.packages.cargo.records import CargoRecord
from outrider.operators.packages.manifests.cargo import ANY, CargoDependency, CargoManifest, read_manifest
from outrider.operators.packages.manifests.cargo_files import CargoFiles, manifest_in
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_TOP = Path("/")
_BUILT = "target"


class _CommitFiles(CargoFiles):
    """Manifests of a commit, as though it lay at the top of all folders."""

    def __init__(self, manifests: dict[str, str]) -> None:
        super().__init__(_TOP / "Cargo.toml")
        self.manifests = {_TOP / path: text for path, text in manifests.items()}

    def has(self, path: Path) -> bool:
        return path in self.manifests

    def read(self, path: Path) -> str:
        if path not in self.manifests:
            raise NotFoundError(f"{path}: there is none", path="file", found="none", expected="a manifest")
        return self.manifests[path]


class GitPackages:
    """The packages of a commit.

    Args:
        place: Of the repository, as Cargo.lock writes it, without the commit.
        checkout: What counts of the commit.
        place_of: Returns the place of a registry that a manifest names.
    """

    def __init__(self, place: str, checkout: Checkout, place_of: Callable[[str], str]) -> None:
        self._place, self._checkout, self._place_of = place, checkout, place_of
        self._files = _CommitFiles(checkout.manifests)
        self._found: dict[tuple[str, str], CargoManifest] = {}
        self._faults: list[OutriderError] = []
        self._visited: set[Path] = set()
        for path in sorted(self._files.manifests, key=lambda one: one.parent.parts):
            if self._is_walked(path):
                self._visit(path)

    @property
    def place(self) -> str:
        """The place with the commit."""
        return f"{self._place}#{self._checkout.commit}"

    def _is_walked(self, path: Path) -> bool:
        folders = [path.parent, *path.parent.parents][:-1]
        return not any(
            one.name.startswith(".") or (one.name == _BUILT and self._files.has(manifest_in(one.parent)))
            for one in folders
        )

    def _visit(self, path: Path) -> None:
        """Take in a package, and what its manifest leads to."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            if path in self._visited or not self._files.has(path):
                continue
            self._visited.add(path)
            try:
                document = self._files.document(path)
                if "package" not in document:
                    continue
                found = read_manifest(path, document, self._files.shared_with(path))
            except OutriderError as error:
                self._faults.append(error)
                continue
            self._found.setdefault((found.name, found.version), found)
            waiting += [manifest_in(one.folder) for one in reversed(found.dependencies) if one.folder is not None]

    def record(self, name: str) -> CargoRecord:
        """Return what is known of the packages of a name, in the form in which it is known of crates; what they need has its place.

        Raises:
            NotFoundError: There is none.
            UnsupportedError: There may be one in a submodule, or in a manifest that cannot be read.
            InvalidConfigError: It needs what is of a registry that is not known.
        """
        manifests = {version: one for (called, version), one in self._found.items() if called == name}
        if not manifests:
            raise self._missing(name)
        table = VersionTable(scheme_of("cargo"), manifests)
        prereleases = table.everything & ~table.releases
        return CargoRecord(
            versions=table.versions, prereleases=prereleases.to_bytes(len(table.versions) // 8 + 1, "little"),
            releases=[msgspec.msgpack.encode(self._release(manifests[version])) for version in table.versions],
        )  # fmt: skip

    def _release(self, one: CargoManifest) -> CargoRelease:
        needs = [self._need(need) for need in one.dependencies if not need.for_tests]
        return CargoRelease(needs, one.features, one.links, "", one.rust)

    def _need(self, need: CargoDependency) -> CargoNeed:
        place = self._place if need.folder is not None else self._place_of(need.place)
        usual = "" if need.folder is not None or place.startswith(GIT) else ANY
        return CargoNeed(need.key, key_of(need.name, place), need.range or usual, need.features, need.optional)

    def _missing(self, name: str) -> OutriderError:
        if self._checkout.modules:
            return UnsupportedError(
                f"{self._place}: there is no package {name}, and submodules are not read", path="git", found=", ".join(self._checkout.modules)[:200],
                expected=name, suggestions=["name the repository of the submodule itself"],
            )  # fmt: skip
        if self._faults:
            fault = self._faults[0]
            return UnsupportedError(
                f"{self._place}: there is no package {name}, and of some a manifest is not read: {fault.message}", path="git", found=fault.found,
                expected=fault.expected, suggestions=["use Cargo itself: cargo update -p NAME --precise VERSION"],
            )  # fmt: skip
        known = sorted({called for called, _ in self._found})
        return NotFoundError(
            f"{self._place}: there is no package {name}", path="git", found=", ".join(known)[:200] or "none", expected=name, suggestions=["check the name"]
        )  # fmt: skip
