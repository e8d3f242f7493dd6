"""Puts the update of a group on a branch of its own: a new one, or the one that was made before."""

from typing import Literal

import msgspec

from outrider.core.errors import ConflictError, DeniedError, InvalidConfigError
from outrider.operators.packages.updating.drafts import Draft
from outrider.operators.packages.updating.notes import notes_of
from outrider.ports.git import Branch

Action = Literal["made", "replaced", "unchanged", "left", "none"]


class Proposal(msgspec.Struct, kw_only=True):
    """What becomes of the branch of a group.

    Attributes:
        action: `made` where there was none, `replaced` where an older update was there, `unchanged` where this update is there
            already, `left` where somebody else has committed to it or amended it, `none` where nothing is to be updated.
        branch: Its name.
        replaced: The commit that is on it now; empty where there is none.
    """

    action: Action
    branch: str
    replaced: str = ""


async def propose(base: Branch, name: str, draft: Draft, author: str) -> Proposal:
    """Say what becomes of a branch.

    Args:
        base: What the update is for.
        name: Of the branch.
        draft: What would be on it.
        author: Of the commit, as `NAME <ADDRESS>`.

    Raises:
        InvalidConfigError: The branch is the one that the update is for.
        OutriderError: The repository cannot be read.
    """
    if name == base.name:
        raise InvalidConfigError(
            f"group '{draft.group.name}' would be written to '{name}' itself, the branch that the update is for", path="spec.prefix",
            found=name, expected="a branch of its own", suggestions=["give the group another name, or spec.prefix another text"],
        )  # fmt: skip
    if not draft.texts:
        return Proposal(action="none", branch=name)
    there = await base.other(name)
    if there is None:
        return Proposal(action="made", branch=name)
    if await there.makers() != {author}:
        return Proposal(action="left", branch=name, replaced=there.commit)
    same = [await there.read(path) == text.encode() for path, text in draft.texts.items()]
    return Proposal(action="unchanged" if all(same) else "replaced", branch=name, replaced=there.commit)


async def carry_out(base: Branch, proposal: Proposal, draft: Draft, author: str) -> str:
    """Write the branch where it changes, and return the commit that is on it then; empty where there is none.

    Raises:
        ConflictError: Somebody else has pushed to it meanwhile.
        DeniedError: The server refuses.
        OutriderError: It cannot be reached.
    """
    if proposal.action not in ("made", "replaced"):
        return proposal.replaced
    name, _, address = author.rpartition(" <")
    contents = {path: text.encode() for path, text in draft.texts.items()}
    commit = await base.commit_with(contents, notes_of(draft), (name, address.removesuffix(">")))
    try:
        await base.push(commit, proposal.branch, proposal.replaced)
    except DeniedError as error:
        error.suggestions = [
            f"let the user write to {proposal.branch}",
            "give spec.prefix of packages-updates.yaml another text",
        ]
        raise
    except ConflictError as error:
        error.suggestions = error.suggestions or ["run it again: another run may have been at work"]
        raise
    return commit
