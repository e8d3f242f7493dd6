"""What a registry says of a package, whatever the ecosystem."""

import msgspec

from outrider.core.errors import NotFoundError


class PackageFacts(msgspec.Struct, kw_only=True):
    """A package.

    Attributes:
        name: As its ecosystem compares names.
        latest: The version that is taken where none is named: that under the tag `latest` of npm, else the newest one that is no
            prerelease and was not taken back.
        needs: What that version needs, each as its ecosystem writes it; what only an extra or a feature brings in too.
        extras: Extras or features that it has.
        licence: As it is written, where the registry tells it without the package itself.
        versions: All of them, newest first.
        prereleases: Those that are.
        taken_back: Those that were yanked or deprecated.
        tags: Names of versions.
        status: Of the whole, such as `archived`, where its registry has such a thing.
    """

    name: str
    latest: str
    needs: list[str] = []
    extras: list[str] = []
    licence: str = ""
    versions: list[str] = []
    prereleases: list[str] = []
    taken_back: list[str] = []
    tags: dict[str, str] = {}
    status: str = ""


def no_package(ecosystem: str, name: str) -> NotFoundError:
    """Return the error for a package that no registry has."""
    return NotFoundError(f"{ecosystem} {name}: there is none", found=name, suggestions=["check the name"])


def newest(mask: int, *preferred: int) -> int:
    """Return the highest bit of a mask: of what is preferred, the most so first, else of anything.

    Args:
        mask: Not empty.
        preferred: Further masks; each is heeded where something is left.
    """
    for one in preferred:
        mask = mask & one or mask
    return mask.bit_length() - 1
