"""A change of objects in the git repository that declares them, instead of in the cluster."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import msgspec

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
    collected,
)
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.declarations import Files, change_object, place_objects
from outrider.operators.kubernetes.deliveries import MANAGERS, Source
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.field_values import with_values
from outrider.operators.kubernetes.file_differences import file_differences
from outrider.operators.kubernetes.foreseen import Foreseen, foresee
from outrider.operators.kubernetes.git_places import FilePath, GitPlace, Origin, opened, origin_of
from outrider.operators.kubernetes.kinds import split_target, target_name, target_of_object
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.places import Place, connected
from outrider.operators.kubernetes.shown import Object
from outrider.ports.git import BranchName
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from outrider.runtime.overlays import merge

# Others may push in between; as long as the files are the same, the commit is made anew on top of theirs.
_ATTEMPTS = 4
_OPTIONAL_TARGET = r"^([A-Za-z][A-Za-z0-9.-]{0,252}/[^/\s]{1,253})?(?!\n)$"
_AUTHOR = r"^[^<>\x00-\x1f]*[^<>\x00-\x20] <[^<>\x00-\x20]+>(?!\n)$"
_YAML = {"contentMediaType": "application/yaml"}


class GitopsWriteParams(GitPlace, kw_only=True):
    """What is to be otherwise: fields of one object, or objects as a manifest has them.

    Attributes:
        target: `KIND/NAME` of the object that is changed, such as deployment/web.
        patch: A merge patch (RFC 7396) of it: fields that are null go away, lists are replaced.
        set: Fields of it, with paths as differences have them: spec.replicas=3, spec.template.spec.containers[web].image=web:2.
        manifest: YAML of objects as they are to be, instead of a target; on the command line @FILE, or @- for standard input.
        path: File or folder of the repository in which they are declared; found if empty. Objects of a manifest that are declared
            nowhere are written to this file.
        new_branch: Write to a new branch of this name, for a merge request.
        force: Write it although the cluster would not take it.
        message: Of the commit.
        author: Of the commit, as `NAME <ADDRESS>`.
    """

    target: Annotated[str, msgspec.Meta(pattern=_OPTIONAL_TARGET, examples=["deployment/web"])] = ""
    patch: dict[str, Any] = msgspec.field(default_factory=dict)
    set: list[str] = msgspec.field(default_factory=list)
    manifest: Annotated[str, msgspec.Meta(extra_json_schema=_YAML)] = ""
    path: FilePath = ""
    new_branch: BranchName = ""
    force: bool = False
    message: Annotated[str, msgspec.Meta(max_length=16384)] = ""
    author: Annotated[str, msgspec.Meta(max_length=400, pattern=_AUTHOR)] = "Outrider <outrider@localhost>"

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Its kind is none, or it is not said what is to be changed.
        """
        self.target = target_name(self.target) if self.target else ""
        change = bool(self.patch or self.set)
        if bool(self.target) == bool(self.manifest) or bool(self.target) != change:
            raise InvalidConfigError(
                "it is not said what is to be otherwise", path="patch" if self.target else "target",
                expected="a target with patch or set, or a manifest",
                suggestions=["write for example: outrider kubernetes gitops_write deployment/web --set spec.replicas=3"],
            )  # fmt: skip

    def wanted(self) -> list[Object]:
        """Return the objects of the manifest.

        Raises:
            InvalidConfigError: Some are none.
        """
        return ManifestParams(manifest=self.manifest).wanted()

    def objects(self) -> list[str]:
        """Return what is changed, as `KIND/NAME`."""
        return [self.target] if self.target else [target_of_object(one) for one in self.wanted()]

    def targets(self) -> tuple[str, ...]:
        """Return what Policies judge: the objects, and the repository where the caller names it."""
        return (*self.objects(), *([f"repository/{self.repository}"] if self.repository else []))


class GitopsWriteResult(msgspec.Struct, kw_only=True):
    """What was written.

    Attributes:
        commit: The new one, or the newest of the branch where all was so already.
        action: `changed` or `unchanged`.
        deliverer: Who brings it into the cluster, for gitops_wait and gitops_sync; empty where the caller has named the repository.
        deliverer_namespace: Where that is.
    """

    repository: str
    branch: str
    commit: str
    action: str
    files: list[str]
    deliverer: str = ""
    deliverer_namespace: str = ""
    difference: list[Difference] = []


class _Draft(msgspec.Struct):
    """What is to be written, and how the objects will be."""

    source: Source
    files: Files
    objects: list[Object]

    def difference(self) -> list[Difference]:
        return [
            one for path, (before, after) in self.files.changed.items() for one in file_differences(path, before, after)
        ]


async def plan(params: GitopsWriteParams, context: Context) -> Change:
    """Say which lines would change, and let the cluster say what would come of it there.

    Raises:
        NotFoundError: No such repository or branch, or no document declares the object.
        ConflictError: Several documents declare it, or the new branch is there already.
        InvalidConfigError: The cluster would not take it.
        OutriderError: The repository cannot be read.
    """
    origin = await _origin(params, context)
    async with _drafted(params, origin, context) as draft:
        branch = draft.files.branch
        await _check_new(params, draft)
        lines, foreseen = draft.difference(), await _foresee(params, origin, draft, context)
    return Change(
        target=", ".join(params.objects()),
        difference=[*lines, *foreseen.difference],
        preconditions={"commit": branch.commit},
        warnings=foreseen.warnings if lines else ["all is so already: nothing will be written"],
    )


async def run(params: GitopsWriteParams, context: Context) -> GitopsWriteResult:
    """Write it, as one commit.

    Raises:
        PreconditionFailedError: The branch has moved on since the plan was made, or a file while it was written.
        NotFoundError: No such repository or branch, or no document declares the object.
        ConflictError: Several documents declare it, or the new branch is there already.
        InvalidConfigError: The cluster would not take it.
        DeniedError: The server does not take the commit.
        OutriderError: The repository cannot be read or written.
    """
    origin = await _origin(params, context)
    planned, first = context.preconditions.get("commit"), None
    for attempt in range(_ATTEMPTS):
        async with _drafted(params, origin, context) as draft:
            branch = draft.files.branch
            if first is None and planned not in (None, branch.commit):
                raise _moved(branch.name, f"commit {branch.commit}", f"commit {planned}")
            if first not in (None, draft.files.changed):
                raise _moved(branch.name, "a push of somebody else to the same file", "the file that was read")
            first = draft.files.changed
            # The same commit within the same second has the same name: pushing it again would be no conflict.
            await _check_new(params, draft)
            await _foresee(params, origin, draft, context)
            try:
                return await _written(params, draft, origin)
            except ConflictError:
                if params.new_branch or attempt == _ATTEMPTS - 1:
                    raise
    raise AssertionError("unreachable")


async def _check_new(params: GitopsWriteParams, draft: _Draft) -> None:
    """Refuse a new branch that is there.

    Raises:
        ConflictError: It is.
    """
    if params.new_branch and await draft.files.branch.exists(params.new_branch):
        raise ConflictError(
            f"{draft.source.repository} has a branch '{params.new_branch}' already", path="new_branch", found=params.new_branch,
            expected="a new name",
        )  # fmt: skip


def _moved(branch: str, found: str, expected: str) -> PreconditionFailedError:
    return PreconditionFailedError(
        f"branch '{branch}' has moved on since it was read", path="branch", found=found, expected=expected, suggestions=["make a new plan"]
    )  # fmt: skip


async def _origin(params: GitopsWriteParams, context: Context) -> Origin:
    """Return the repository that is named, or that of the first object which is in the cluster."""
    if params.repository:
        return Origin([Source(repository=params.repository)], params.namespace)
    async with connected(params, context) as place:
        try:
            return await origin_of(await _first_live(params, place))
        except (NotFoundError, ConflictError, InvalidConfigError) as error:
            error.suggestions.insert(0, "name the repository: --repository https://HOST/PATH --branch main")
            raise


async def _first_live(params: GitopsWriteParams, place: Place) -> Live:
    *others, last = params.objects()
    for target in others:
        try:
            return await read_live(target, place)
        except NotFoundError:
            continue
    return await read_live(last, place)


@asynccontextmanager
async def _drafted(params: GitopsWriteParams, origin: Origin, context: Context) -> AsyncIterator[_Draft]:
    """Yield what is to be written on top of the newest commit, of the first source that declares it."""
    async with AsyncExitStack() as stack:
        for number, source in enumerate(origin.sources, 1):
            files = Files(await stack.enter_async_context(opened(params, source, context)))
            try:
                objects = await _changed(params, files, origin.namespace, params.path or source.path)
            except NotFoundError:
                if number == len(origin.sources):
                    raise
            else:
                yield _Draft(source, files, objects)
                return


async def _changed(params: GitopsWriteParams, files: Files, namespace: str, folder: str) -> list[Object]:
    if params.target:
        return [
            await change_object(
                files,
                params.target,
                namespace,
                folder,
                lambda found: with_values(merge(found, params.patch), params.set),
            )
        ]
    await place_objects(files, params.manifest, params.wanted(), namespace, folder)
    return params.wanted()


async def _written(params: GitopsWriteParams, draft: _Draft, origin: Origin) -> GitopsWriteResult:
    branch, changed = draft.files.branch, draft.files.changed
    name, commit = branch.name, branch.commit
    if changed:
        author, _, address = params.author.rpartition(" <")
        content = {path: after.encode() for path, (_, after) in changed.items()}
        message = params.message or f"Change {', '.join(params.objects())}"
        commit = await branch.commit_with(content, message, (author, address.rstrip(">")))
        name = params.new_branch or name
        await branch.push(commit, params.new_branch)
    return GitopsWriteResult(
        repository=draft.source.repository, branch=name, commit=commit, action="changed" if changed else "unchanged",
        files=list(changed), deliverer=origin.title, deliverer_namespace=origin.deliverer_namespace, difference=draft.difference(),
    )  # fmt: skip


async def _foresee(params: GitopsWriteParams, origin: Origin, draft: _Draft, context: Context) -> Foreseen:
    if not draft.files.changed:
        return Foreseen()
    manager = MANAGERS.get(split_target(origin.title)[0], "")
    found = await foresee(params, context, draft.objects, namespace=origin.namespace, manager=manager)
    if found.refusals and not params.force:
        raise collected(found.refusals)
    found.warnings += [error.message for error in found.refusals]
    return found


OPERATION = Implementation(
    params=GitopsWriteParams, result=GitopsWriteResult, run=run, plan=plan, target=lambda params: params.targets()
)
