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
        called: What it is called; empty for that.
        version: Of it.
        needs: What it needs, in the order of its ecosystem.
        features: What each of its features brings in.
        links: The native library that it links; empty for none.
        is_member: Whether it is there by itself, with all its features; others are where something needs them.
    """

    name: str
    called: str = ""
    version: str
    needs: Sequence[LocalNeed] = ()
    features: Mapping[str, Sequence[str]] = {}
    links: str = ""
    is_member: bool = True


class CargoPatch(msgspec.Struct, kw_only=True, frozen=True):
    """What is to be taken in place of what a registry or a repository has.

    Attributes:
        where: The place that says so, for errors.
        of: What it is about: the name of a registry, or the address of one or of a repository.
        name: Of the crate.
        local: What is taken, by its name, where it lies here.
        place: Else what has it.
        range: Which versions will do; empty for any.
    """

    where: str
    of: str
    name: str
    local: str = ""
    place: str = ""
    range: str = ""


class CargoDetails(Details, frozen=True, kw_only=True):
    """What is asked besides crates.

    Attributes:
        local: Packages that lie here and alone ask for the others; none where whoever asks does so itself.
        heeds_rust: Whether versions that go with a version of Rust are tried first.
        rust: With which versions of Rust; none for that of this machine.
        places: What has each of the packages that are asked for, as Cargo.lock writes it, or `registry:NAME`; none where the usual registry has all.
        patches: What is to be taken in place of what these have.
        commits: Of repositories, by their places, those that a lock has.
        is_bounded: Whether strangers have written it: then repositories are read that are open to everybody, and no others.
    """

    local: Sequence[LocalPackage] = ()
    heeds_rust: bool = False
    rust: Sequence[str] = ()
    places: Sequence[str] = ()
    patches: Sequence[CargoPatch] = ()
    commits: Mapping[str, str] = {}
    is_bounded: bool = False
