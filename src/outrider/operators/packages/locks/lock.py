"""What a lock file, or a list of packages, says is installed."""

import re

import msgspec

from outrider.core.errors import InvalidConfigError

_SHOWN = 200
_BY_HAND = re.compile(
    r"(?!.*lock)(?:.*\.(?:toml|ya?ml|xml|props|targets|config|txt)|.*(?:cs|fs|vb)proj|(?:package|composer)\.json|Pipfile|Gemfile)",
    re.IGNORECASE,
)
# Of a registry of its own that is not the one that its ecosystem has for everybody: another package, whatever it is called.
OTHER_REGISTRY = "registry"


class Packed(msgspec.Struct, kw_only=True, frozen=True):
    """What there is to say of a package that a distribution has packed.

    Attributes:
        release: Whose advisories count, as they name it, such as `Debian:12`.
        names: By which they may name the package, each with the version that they mean: the source package is the first.
        architecture: Of its files; empty where that is not known.
        distro: The release as package URLs have it, such as `debian-12`.
    """

    release: str
    names: tuple[tuple[str, str], ...]
    architecture: str = ""
    distro: str = ""


class LockedPackage(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One package of a lock.

    Attributes:
        ecosystem: By the name that package URLs use.
        name: As its ecosystem compares names; of Maven `group:artifact`.
        version: As it is written.
        hashes: By algorithm, as hexadecimal digits: one for each file of the version; empty where the lock has none.
        needs: Names of what it needs, where the file says so.
        needed_versions: By such a name, in which versions, where the file says so.
        development: Whether only development needs it, where the file says so.
        optional: Whether all works without it, where the file says so.
        direct: Whether the project itself asks for it, where the file says so.
        source: Where it comes from if that is not the usual registry, such as `git` or `path`; of Cargo `registry`, where it is another one.
        address: Of that, where the file says so, of Cargo: with the commit, of git.
        licence: As its author has written it, where the file says so; JSON where that is no text.
        packed: What there is to say of it where a distribution has packed it.
    """

    ecosystem: str
    name: str
    version: str
    hashes: dict[str, tuple[str, ...]] = {}
    needs: tuple[str, ...] = ()
    needed_versions: dict[str, tuple[str, ...]] = {}
    development: bool = False
    optional: bool = False
    direct: bool = False
    source: str = ""
    address: str = ""
    licence: str = ""
    packed: Packed | None = None

    @property
    def advised_by(self) -> str:
        """Whose advisories count: those of its ecosystem, or of the release of its distribution."""
        return self.ecosystem if self.packed is None else self.packed.release

    @property
    def called(self) -> str:
        """What tells it from others of its name: that, and behind it where it comes from, where the file says so."""
        address = self.address.rpartition("@")[0] if self.source == "git" else self.address
        return f"{self.name} {address}" if address else self.name

    @property
    def advised_as(self) -> tuple[tuple[str, str], ...]:
        """By which names and versions they may mean it."""
        if self.source == OTHER_REGISTRY:
            return ()
        return ((self.name, self.version),) if self.packed is None else self.packed.names

    def needs_this(self, other: "LockedPackage") -> bool:
        """Return whether it needs a package of the same lock; where that does not say in which version, it may."""
        said = self.needed_versions.get(other.name, (other.version,))
        return self.ecosystem == other.ecosystem and other.name in self.needs and other.version in said


class Lock(msgspec.Struct, kw_only=True, frozen=True):
    """What a file says.

    Attributes:
        form: The name of its format, such as `uv.lock`.
        packages: By ecosystem, name, version and address; each once.
        unreadable: What stands in it that could not be read, in words.
        tells_needs: Whether it says what its packages need.
        partial: Why it may not name all that is installed, and what to do; empty where it does.
        may_be_whole: Whether it may name all the same, and only does not say so.
        lacking: How many packages stand in it only as what others need: of these nothing is known.
    """

    form: str
    packages: tuple[LockedPackage, ...]
    unreadable: tuple[str, ...] = ()
    tells_needs: bool = True
    partial: str = ""
    may_be_whole: bool = False
    lacking: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why what it says may not be all."""
        return (*([self.partial] if self.partial else []), *self.unreadable)

    @property
    def is_unknown(self) -> bool:
        """Whether nothing of what it is about could be read: that is not nothing."""
        return not self.packages and bool(self.unreadable)

    @property
    def is_unjudged(self) -> bool:
        """Whether of what it is about not all can be judged: nothing of it could be read, or others in it need what has no entry."""
        return self.is_unknown or self.lacking > 0

    @property
    def left_open(self) -> str:
        """What is certainly not known of what is installed, in words; empty where it names all, or may."""
        if self.is_unknown:
            return "none of its packages could be looked at"
        return "" if self.may_be_whole else self.partial


def unreadable(form: str, found: str, expected: str) -> InvalidConfigError:
    """Return the error for a file that is not of its format.

    Args:
        form: The name of the format.
        found: What is wrong, with the line where that is known.
        expected: What the format wants there.
    """
    return InvalidConfigError(
        f"{form}: it cannot be read: {found[:_SHOWN]}", found=found[:_SHOWN], expected=expected,
        # What people write no tool could write anew.
        suggestions=["correct it there" if _BY_HAND.fullmatch(form.rpartition("/")[2]) else "have its own tool write it anew"],
    )  # fmt: skip
