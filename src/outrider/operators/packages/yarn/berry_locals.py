"""The packages of a project of Yarn 4, as its lock file has them: `WorkspaceResolver.ts`, and `Workspace.accepts` of Yarn 4.18."""

import posixpath
from collections.abc import Mapping, Sequence

from outrider.core.errors import NotFoundError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.details import Member
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.yarn.asks import Ask, Local, named
from outrider.operators.packages.yarn.fields import bound, fields_of, is_range
from outrider.operators.packages.yarn.manifests import WORKSPACE
from outrider.operators.packages.yarn.settings import TRANSPARENT

_VERSION = "0.0.0-use.local"
_NO_VERSION = "0.0.0"
_ANY = ("*", "^", "~")


def local_of(member: Member, asked: Mapping[str, str]) -> Local:
    """Return a package of a project, with its entry in the lock file.

    Args:
        member: As a question has it.
        asked: What it asks for, by name.
    """
    entry = {
        **fields_of(member.manifest), "version": _VERSION, "resolution": f"{member.name}@{WORKSPACE}{member.place or '.'}",
        "dependencies": {name: bound(text) for name, text in asked.items()}, "languageName": "unknown", "linkType": "soft",
    }  # fmt: skip
    return Local(member, ResolvedPackage(name=member.name, version=_VERSION, place=member.place, entry=entry))


def found_local(locals_: Sequence[Local], ask: Ask, environment: Mapping[str, str]) -> ResolvedPackage | None:
    """Return the package of a project that is what is asked for; None where none is.

    Args:
        locals_: The packages of the project.
        ask: What is asked for.
        environment: Says whether a range finds a member too.

    Raises:
        NotFoundError: It should be one.
    """
    name, text = split_name(ask.key)
    if not text.startswith(WORKSPACE):
        # What goes by another name is looked for by its own.
        found = None if ask.kind or environment.get(TRANSPARENT) == "false" else named(locals_, ask.spec.package)
        return found.package if found is not None and is_range(ask.spec.text) and found.fits(ask.spec.text) else None
    found, rest = named(locals_, name), text.removeprefix(WORKSPACE)
    if rest in _ANY or is_range(rest):
        found = found if found is None or rest in _ANY or found.fits(rest, without=_NO_VERSION) else None
    else:
        place = posixpath.normpath(rest)
        found = next((one for one in locals_ if (one.member.place or ".") == place), None)
    if found is None:
        raise NotFoundError(
            f"npm {name}: {ask.needer or 'the project'} needs {text}, and no such package is in the workspace", path="workspaces",
            found=", ".join(one.member.name for one in locals_)[:200], suggestions=["correct the range, or the patterns of workspaces"],
        )  # fmt: skip
    return found.package
