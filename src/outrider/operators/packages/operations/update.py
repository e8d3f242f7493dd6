"""Proposes updates of a git repository's packages: a branch for each group, with the notes of what changes in its commit."""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from outrider.core.errors import NotFoundError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.core.secrets import SecretRef
from outrider.operators.packages.fixing.results import FixedFile
from outrider.operators.packages.registries.strangers import laid_out_folder
from outrider.operators.packages.sessions import Terms
from outrider.operators.packages.updating.branches import Action, Proposal, carry_out, propose
from outrider.operators.packages.updating.drafts import Draft, Drafter
from outrider.operators.packages.updating.files import lay_out
from outrider.operators.packages.updating.groups import UPDATES_FILE, Groups, read_updates
from outrider.operators.packages.updating.notes import notes_of, title_of
from outrider.operators.packages.updating.strangers.machine import Machine
from outrider.ports.git import Branch, BranchName, Remote, fetched
from outrider.ports.own_folders import own_folder
from outrider.runtime.context import Context
from outrider.runtime.contexts import cache_folder
from outrider.runtime.implementation import Implementation

_AUTHOR = r"^[^<>\x00-\x1f]*[^<>\x00-\x20] <[^<>\x00-\x20]+>(?!\n)$"


class UpdateParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What to update.

    Attributes:
        repository: Address of a git repository, or a folder in one; what is committed there counts. The working folder if none is given.
        branch: What the updates are for; the repository's own first branch, or the one that is checked out in a folder, if empty.
        groups: Names of groups of its packages-updates.yaml, whatever the day; those whose day it is if none are given.
        python: For which version of Python, such as `3.12`; that which runs Outrider if none is given.
        user: For repositories at https.
        password: Of the user, or a token: a secret, as {"secret": "NAME"}.
        variables: Names of variables of this machine that settings in the repository may have, such as `NPM_TOKEN`: they may send them
            anywhere.
        author: Of the commits, as `NAME <ADDRESS>`. A branch whose newest commit somebody else has made or amended is left alone.
    """

    repository: Annotated[str, msgspec.Meta(max_length=2000, examples=["https://git.example.org/shop.git"])] = ""
    branch: BranchName = ""
    groups: list[str] = msgspec.field(default_factory=list)
    python: str = ""
    user: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^:\x00-\x1f]*(?!\n)$")] = ""
    password: SecretRef | None = None
    variables: list[str] = msgspec.field(default_factory=list)
    author: Annotated[str, msgspec.Meta(max_length=400, pattern=_AUTHOR)] = "Outrider <outrider@localhost>"

    @property
    def shown(self) -> str:
        """The repository, as the caller names it."""
        return self.repository or "."


class GroupUpdate(msgspec.Struct, kw_only=True):
    """What became of a group.

    Attributes:
        group: Its name.
        action: What was done: a branch was `made` or `replaced`, is `unchanged`, was `left` to somebody who has committed to it, or
            nothing is to be updated: `none`.
        branch: Its name.
        commit: The newest one of the branch; empty where there is none.
        title: What it is about, in a line; empty where nothing is to be updated.
        notes: The message of the commit.
        files: What changes, by lock file.
        warnings: What was not looked at, or could not be had.
        unreached: Lock files that stay as they are, for their registry could not be asked, and why.
    """

    group: str
    action: Action
    branch: str
    commit: str
    title: str
    notes: str
    files: list[FixedFile]
    warnings: list[str]
    unreached: list[str]


class UpdateResult(msgspec.Struct, kw_only=True):
    """What was proposed.

    Attributes:
        repository: Its address.
        base: The branch that the updates are for.
        commit: The newest one of that.
        groups: Those whose day it is, or that were named.
        left: Files that were not looked at, and why.
    """

    repository: str
    base: str
    commit: str
    groups: list[GroupUpdate]
    left: list[str]


class _Proposed(NamedTuple):
    draft: Draft
    proposal: Proposal


class _All(NamedTuple):
    proposed: list[_Proposed]
    left: list[str]


async def plan(params: UpdateParams, context: Context) -> Change:
    """Say which branches would be written, and what would change on them; the errors are those of `run`."""
    difference: list[Difference] = []
    warnings: list[str] = []
    async with _fetched(params, context) as base:
        found = await _proposed(base, params, context)
        warnings += found.left
        for draft, proposal in found.proposed:
            if proposal.action in ("made", "replaced"):
                difference.append(Difference(proposal.branch, proposal.replaced or None, title_of(draft)))
                difference += [
                    msgspec.structs.replace(each, path=f"{proposal.branch}: {each.path}")
                    for told in draft.told
                    for each in told.differences()
                ]
            stays = [one.stays(told.file) for told in draft.told for one in told.unfixed]
            warnings += [f"{draft.group.name}: {one}" for one in (*draft.warnings, *draft.unreached, *stays)]
        return Change(
            target=f"repository/{params.shown}", difference=difference, warnings=warnings, preconditions={"commit": base.commit}
        )  # fmt: skip


async def run(params: UpdateParams, context: Context) -> UpdateResult:
    """Find newer versions, and make a branch in the repository for each group that has some.

    Raises:
        NotFoundError: No such repository, branch or group.
        InvalidConfigError: Its packages-updates.yaml cannot be read, or names the branch that the updates are for.
        MissingRequirementError: No advisories are imported.
        PreconditionFailedError: Advisories are too old, or the branch has moved on since the plan was made.
        ConflictError: Somebody else has pushed to a branch meanwhile.
        DeniedError: The server does not take a branch.
        OutriderError: The repository cannot be reached.
    """
    async with _fetched(params, context) as base:
        expected = context.preconditions.get("commit", base.commit)
        if expected != base.commit:
            raise PreconditionFailedError(
                f"branch '{base.name}' has moved on since the plan was made", path="branch", found=base.commit, expected=str(expected),
                suggestions=["make the plan again"],
            )  # fmt: skip
        groups = []
        found = await _proposed(base, params, context)
        for draft, proposal in found.proposed:
            commit = await carry_out(base, proposal, draft, params.author)
            groups.append(_told(draft, proposal, commit))
        return UpdateResult(repository=params.shown, base=base.name, commit=base.commit, groups=groups, left=found.left)


@asynccontextmanager
async def _fetched(params: UpdateParams, context: Context) -> AsyncIterator[Branch]:
    secret = params.password
    password = await context.environment.secrets.fetch(secret.secret, secret.key) if secret else None
    remote = Remote(_address(params.repository), params.user, password)
    async with fetched(remote, params.branch, cache_folder() / "git", context.remaining) as base:
        yield base


def _address(repository: str) -> str:
    """Return the address of a repository; of a folder in one the folder that has it.

    Raises:
        NotFoundError: A folder is in none.
    """
    folder = Path(repository)
    if repository and not folder.is_dir():
        return repository
    whole = folder.resolve()
    if (whole / "HEAD").is_file() and (whole / "objects").is_dir():
        return str(whole)
    found = next((one for one in (whole, *whole.parents) if (one / ".git").exists()), None)
    if found is None:
        raise NotFoundError(
            f"{whole} is in no git repository", path="repository", found=str(whole), expected="a repository",
            suggestions=["name one: outrider packages update https://HOST/PATH", "change files alone: outrider packages fix"],
        )  # fmt: skip
    return str(found)


async def _proposed(base: Branch, params: UpdateParams, context: Context) -> _All:
    """Find all that is to be updated before anything is written."""
    # Not where all keep temporary files: there everybody can put settings above it.
    with own_folder(laid_out_folder()) as folder:
        left = await lay_out(base, folder, Machine(os.environ, params.variables))
        spec = read_updates(folder / UPDATES_FILE, UPDATES_FILE)
        groups = Groups(spec)
        drafter = Drafter(folder, groups, _terms(params), params.python, context)
        found = []
        for group in groups.due(context.clock.now(), params.groups):
            draft = await drafter.draft(group)
            proposal = await propose(base, f"{spec.prefix}{group.name}", draft, params.author)
            found.append(_Proposed(draft, proposal))
        return _All(found, left)


def _terms(params: UpdateParams) -> Terms:
    """Return how registries are asked: the policy that is named is the caller's, and no file of the repository.

    Raises:
        NotFoundError: There is no such policy.
    """
    policy = Path(params.policy).absolute() if params.policy else None
    if policy is not None and not policy.is_file():
        raise NotFoundError(
            f"policy: {params.policy}: no such file", path="policy", found=str(policy), suggestions=["give its full path"]
        )  # fmt: skip
    return Terms(policy=str(policy or ""), offline=params.offline)


def _told(draft: Draft, proposal: Proposal, commit: str) -> GroupUpdate:
    is_something = proposal.action != "none"
    return GroupUpdate(
        group=draft.group.name, action=proposal.action, branch=proposal.branch, commit=commit, files=draft.told, warnings=draft.warnings,
        unreached=draft.unreached, title=title_of(draft) if is_something else "", notes=notes_of(draft) if is_something else "",
    )  # fmt: skip


def _text(result: UpdateResult) -> Iterable[str]:
    yield from (f"warning: {one}" for one in result.left)
    where = "" if "/" in result.repository else " in the repository here, from where you push it"
    if not result.groups:
        yield "no group has its day today; name one: --groups NAME"
    for one in result.groups:
        yield from (f"warning: {one.group}: {warning}" for warning in (*one.warnings, *one.unreached))
        if one.action == "none" and one.unreached:
            yield f"{one.group}: nothing was updated"
        elif one.action == "none":
            yield f"{one.group}: nothing is to be updated"
        elif one.action == "left":
            yield f"{one.group}: {one.branch} is left alone: somebody else has committed to it, or amended it"
        else:
            yield f"{one.group}: {one.branch} {one.action}{where}: {one.title}"
        for file in one.files:
            yield from (f"  {file.file}: {each.name} {each.before or '(new)'} -> {each.after or '(gone)'}  # {each.why}" for each in file.changes)  # fmt: skip
            yield from (f"  {each.stays(file.file)}" for each in file.unfixed)


OPERATION = Implementation(
    params=UpdateParams,
    result=UpdateResult,
    run=run,
    plan=plan,
    target=lambda params: f"repository/{params.shown}",
    text=_text,
    findings=lambda result: any(one.unreached or any(file.unfixed for file in one.files) for one in result.groups),
)
