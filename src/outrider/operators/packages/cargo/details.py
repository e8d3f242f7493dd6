"""Packages that lie here, and ask for those of registries: a project itself, the members of a workspace, and what they need in folders."""

from collections.abc import Mapping, Sequence

import msgspec

from outrider.operators.packages.resolving.questions import Details


class LocalNeed(msgspec.Struct, kw_only=True, frozen=True):
    """What a package that lies here needs.

    Attributes:
        key: How features of the package call it.
        asked: Its position among the packages of the question; -1 where it lies here too.
        local: Its name, where it lies here too.
        range: Which versions of that will do; empty for any.
        features: That are asked of it.
        optional: Whether only a feature brings it in.
    """

    key: str
    asked: int = -1
    local: str = ""
    range: str = ""
    features: tuple[str, ...] = ()
    optional: bool = False


class LocalPackage(msgspec.Struct, kw_only=True, frozen=True):
    """A package that lies here.

    Attributes:
        name: What tells it from all others, those of registries too: where its manifest lies.
        version: Of it.
        needs: What it needs, in the order of its ecosystem.
        features: What each of its features brings in.
        links: The native library that it links; empty for none.
        is_member: Whether it is there by itself, with all its features; others are where something needs them.
    """

    name: str
    version: str
    needs: Sequence[LocalNeed] = ()
    features: Mapping[str, Sequence[str]] = {}
    links: str = ""
    is_member: bool = True


class CargoDetails(Details, frozen=True, kw_only=True):
    """What is asked besides crates.

    Attributes:
        local: Packages that lie here and alone ask for the others; none where whoever asks does so itself.
        heeds_rust: Whether versions that go with a version of Rust are tried first.
        rust: With which versions of Rust; none for that of this machine.
    """

    local: Sequence[LocalPackage] = ()
    heeds_rust: bool = False
    rust: Sequence[str] = ()
