"""npm packages for a resolution: which version is picked for a range, and what that needs."""

from base64 import b64encode
from typing import NamedTuple

import msgspec

from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError, OutriderError
from outrider.operators.packages.npm.records import PEER, Distribution, NpmRecord, Shape, regular_tarball
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.npm.targets import NpmTarget
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.lines import lines_of
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy, of_licences, refused

_SHAPE, _DISTRIBUTION = msgspec.msgpack.Decoder(Shape), msgspec.msgpack.Decoder(Distribution)


class Need(NamedTuple):
    """One thing that a version needs.

    Attributes:
        key: The name by which it is found, as file systems compare it.
        name: By which it is found.
        package: In the registry; another one where the name is an alias, and empty where it comes from somewhere else.
        text: A range or a tag.
        kind: PROD, OPTIONAL, PEER or PEER_OPTIONAL.
    """

    key: str
    name: str
    package: str
    text: str
    kind: int


class Manifest:
    """One version of a package.

    Attributes:
        package: Of which; None for what a user asks for.
        bit: The number of the version.
        version: Its text.
        needs: What it needs, in the order of npm.
        has_peers: Whether peers are among that.
        shape: What else it says.
    """

    __slots__ = ("bit", "has_peers", "needs", "package", "shape", "version")

    def __init__(self, package: "NpmPackage | None", bit: int, version: str, needs: list[Need], shape: Shape) -> None:
        self.package, self.bit, self.version, self.needs, self.shape = package, bit, version, needs, shape
        self.has_peers = any(need.kind >= PEER for need in needs)

    @property
    def name(self) -> str:
        """The name of the package."""
        return self.package.name if self.package is not None else ""

    @classmethod
    def of_user(cls, needs: list[Need]) -> "Manifest":
        """Return the project that needs what a user asks for."""
        return cls(None, 0, "", needs, Shape([], [], "", "", [], [], [], shrinkwrap=False))


class NpmPackage:
    """A package of a registry.

    Args:
        name: In the registry.
        record: What is known of it.
        target: For what it is meant.
        url: Of the registry.
        policy: What may be chosen.

    Attributes:
        preferred: The mask of versions that are tried first.
        admitted: The mask of those that may be chosen.
        deprecated: The mask of those that nobody should use.
    """

    def __init__(self, name: str, record: NpmRecord, target: NpmTarget, url: str, policy: Policy = ADMIT_ALL) -> None:
        self.name, self.record = name, record
        self.table = record.table()
        licences = of_licences(policy, name, record.versions, record.licences)
        self._refusals = [*policy.refusals(name, self.table, record.published), *licences]
        self.admitted = self.table.everything & ~refused(self._refusals)
        self.preferred = 0
        self._target, self._url = target, url
        self.deprecated = int.from_bytes(record.deprecated, "little")
        self._masks: dict[str, int] = {}
        self._picks: dict[str, Manifest | None] = {}
        self._manifests: dict[int, Manifest] = {}
        self._shapes: dict[int, Shape] = {}

    def allows(self, text: str, bit: int) -> bool:
        """Return whether a version is one that is asked for; of a tag it is only looked whether it is known."""
        mask = self._masks.get(text)
        if mask is None:
            mask = self._masks[text] = self._mask(text)
        return mask >> bit & 1 == 1

    def _mask(self, text: str) -> int:
        if text == "*" or self.is_tag(text):
            return self.table.everything
        return self.table.mask(text)

    def is_tag(self, text: str) -> bool:
        """Return whether a text is no range."""
        try:
            self.table.mask(text)
        except InvalidConfigError:
            return True
        return False

    def pick(self, text: str) -> Manifest | None:
        """Return the version that npm takes for a range or a tag; None where there is none."""
        if text not in self._picks:
            bit = self.tagged(text) if self.is_tag(text) else self._best(text)
            self._picks[text] = None if bit is None else self.manifest(bit)
        return self._picks[text]

    def newest(self, text: str, *, latest: bool, deprecated: bool, freely: bool = False) -> Manifest | None:
        """Return the newest version for a range, or that of a tag; None where there is none. What is tried first goes before.

        Args:
            text: The range or tag.
            latest: Whether what is under the tag `latest` goes before newer ones.
            deprecated: Whether what is deprecated counts as much as others.
            freely: Whether neither policy nor what is tried first counts.
        """
        under = self._bit_of_tag if freely else self.tagged
        if self.is_tag(text):
            bit = under(text)
            return None if bit is None else self.manifest(bit)
        mask = self.table.mask(text) & (self.table.everything if freely else self.admitted)
        tagged = under("latest") if latest else None
        first = 1 << tagged if tagged is not None else 0
        for some in (
            0 if freely else self.preferred,
            first,
            self.table.everything if deprecated else ~self.deprecated,
            mask,
        ):
            if mask & some:
                return self.manifest((mask & some).bit_length() - 1)
        return None

    def admits(self, version: str) -> bool:
        """Return whether policy admits a version of the registry."""
        return version in self.record.versions and bool(self.admitted >> self.record.versions.index(version) & 1)

    def others(self, text: str) -> list[str]:
        """Return the newest version of each line that may be chosen, and is not what a range or a tag allows, the newest first."""
        allowed = 0 if self.is_tag(text) else self.table.mask(text)
        lines = lines_of(self.table.named(self.admitted & self.table.releases & ~self.deprecated & ~allowed))
        return [line[-1] for line in reversed(lines)]

    def nothing(self, text: str, needed_by: str = "") -> OutriderError:
        """Return the error for a range or a tag for which nothing can be picked.

        Args:
            text: The range or tag.
            needed_by: The package that needs it; empty for what a user asks for.
        """
        shown = f"npm {self.name}@{text}{f', which {needed_by} needs' if needed_by else ''}"
        tag = self._bit_of_tag(text)
        mask = (1 << tag if tag is not None else 0) if self.is_tag(text) else self.table.mask(text)
        whys = [counted(count, one.why) for one in self._refusals if (count := (one.versions & mask).bit_count())]
        if whys:
            return DeniedError(
                f"{shown}: policy admits none: {'; '.join(whys)}", found="; ".join(whys), expected="a version that policy admits",
                suggestions=["ask for another range", "have the policy waived for it"],
            )  # fmt: skip
        found = "none of its versions and tags" if self.record.versions else "no package of that name"
        last = self.table.named(self.table.releases or self.table.everything)[-1:]
        expected = f"one of its versions, of which {last[0]} is the newest" if last else ""
        return NotFoundError(
            f"{shown}: there is none", found=found, expected=expected, suggestions=["check the name and the range"]
        )

    def tagged(self, tag: str) -> int | None:
        """Return the version under a tag; where policy refuses that, the newest one below it, as npm does with `before`."""
        bit = self._bit_of_tag(tag)
        if bit is None or self.admitted >> bit & 1:
            return bit
        below = self.admitted & ((1 << bit) - 1)
        return newest(below, self.table.releases) if below else None

    def _bit_of_tag(self, tag: str) -> int | None:
        try:
            return self.record.versions.index(self.record.tags[tag])
        except (KeyError, ValueError):
            return None

    def _best(self, text: str) -> int | None:
        """Return what is tried first, else what is under the tag `latest`, else the newest one that is best in other ways."""
        if tried := self.table.mask(text) & self.admitted & self.preferred:
            return tried.bit_length() - 1
        latest = self.tagged("latest")
        if latest is not None and self.allows(text, latest) and self._quality(latest) == _FINE:
            return latest
        left = self.table.mask(text) & self.admitted
        best: tuple[int, int] | None = None
        while left:
            bit = left.bit_length() - 1
            quality = self._quality(bit)
            if quality == _FINE:
                return bit
            if best is None or quality > best[0]:
                best = quality, bit
            left ^= 1 << bit
        return None if best is None else best[1]

    def _quality(self, bit: int) -> int:
        """Return a rank: what is deprecated comes behind, and what does not run with this node behind that."""
        shape = self._shape(bit)
        runs = self._target.runs(shape.node, shape.npm)
        return (2 if runs else 0) + (0 if self.deprecated >> bit & 1 else 1)

    def _shape(self, bit: int) -> Shape:
        number = self.record.shape_of[bit]
        shape = self._shapes.get(number)
        if shape is None:
            shape = self._shapes[number] = _SHAPE.decode(self.record.shapes[number])
        return shape

    def manifest(self, bit: int) -> Manifest:
        """Return a version."""
        manifest = self._manifests.get(bit)
        if manifest is None:
            shape = self._shape(bit)
            needs = [Need(name.lower(), name, *read_spec(name, text), kind) for name, text, kind in shape.needs]
            manifest = self._manifests[bit] = Manifest(self, bit, self.table.versions[bit], needs, shape)
        return manifest

    def is_regular(self, bit: int) -> bool:
        """Return whether a version is where most registries have it."""
        return not _DISTRIBUTION.decode(self.record.distributions[bit]).tarball

    def integrity(self, bit: int) -> str:
        """Return the integrity of a version as its registry writes it, or that of its SHA-1 where there is none."""
        found = _DISTRIBUTION.decode(self.record.distributions[bit])
        if found.integrity or not found.shasum:
            return found.integrity
        try:
            return f"sha1-{b64encode(bytes.fromhex(found.shasum)).decode()}"
        except ValueError:
            return ""

    def distribution(self, bit: int) -> tuple[str, dict[str, str]]:
        """Return where a version is, and hashes of it by algorithm."""
        found = _DISTRIBUTION.decode(self.record.distributions[bit])
        url = found.tarball or regular_tarball(self.name, self.table.versions[bit], self._url)
        hashes: dict[str, str] = {}
        for one in found.integrity.split():
            algorithm, dash, value = one.partition("-")
            if dash and value:
                hashes.setdefault(algorithm, value.partition("?")[0])
        return url, hashes or ({"sha1": found.shasum} if found.shasum else {})


_FINE = 3
