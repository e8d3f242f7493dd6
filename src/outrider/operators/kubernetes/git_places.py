"""The repository and branch of a call: named by the caller, or found by who brings an object into the cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec

from outrider.core.errors import ConflictError, UnsupportedError
from outrider.core.secrets import SecretRef
from outrider.operators.kubernetes.deliveries import Source, deliverer_of, sources_of
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.places import OnePlace
from outrider.ports.git import Branch, BranchName, Remote, fetched
from outrider.runtime.context import Context
from outrider.runtime.contexts import cache_folder

FilePath = Annotated[
    str,
    msgspec.Meta(
        max_length=1000, pattern=r"^((?!\.\.?(/|$)|\.git(/|$))[^/\x00-\x1f]+(/(?!\.\.?(/|$)|\.git(/|$))[^/\x00-\x1f]+)*)?(?!\n)$",
        examples=["apps/web.yaml"],
    ),
]  # fmt: skip


class GitPlace(OnePlace, kw_only=True):
    """Which repository.

    Attributes:
        repository: Its address, or the path of a folder; the one that declares the object, as Argo CD or Flux say, if empty.
        branch: The one that is followed if the repository is found, else the repository's own first one.
        user: For repositories at https.
        password: Of the user, or a token: a secret, as {"secret": "NAME"}.
    """

    repository: Annotated[str, msgspec.Meta(max_length=2000, examples=["https://git.example.org/shop.git"])] = ""
    branch: BranchName = ""
    user: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^:\x00-\x1f]*(?!\n)$")] = ""
    password: SecretRef | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where objects are declared.

    Attributes:
        sources: One after the other, until one has them.
        namespace: Of the object in the cluster, where that is known.
        title: Who brings it into the cluster, as `KIND/NAME`, where that is known.
        deliverer_namespace: Where that is.
    """

    sources: list[Source]
    namespace: str = ""
    title: str = ""
    deliverer_namespace: str = ""


async def origin_of(live: Live) -> Origin:
    """Return where an object of the cluster is declared.

    Raises:
        InvalidConfigError: Neither Argo CD nor Flux declares it.
        NotFoundError: What names the repository is not in this cluster.
        UnsupportedError: A chart of Helm makes it.
    """
    deliverer = await deliverer_of(live)
    target, namespace = target_of_object(deliverer.object), str(deliverer.object["metadata"]["namespace"])
    sources = await sources_of(deliverer)
    plain = [one for one in sources if not one.chart]
    if not plain:
        raise UnsupportedError(
            f"{live.title} is made by {target} from chart {sources[0].chart}: no document in git declares it", found=sources[0].chart,
            expected="an object that plain YAML declares", suggestions=[f"change the values: outrider kubernetes gitops_write {target} --namespace {namespace}"],
        )  # fmt: skip
    return Origin(plain, str(live.object["metadata"].get("namespace") or ""), target, namespace)


@asynccontextmanager
async def opened(params: GitPlace, source: Source, context: Context) -> AsyncIterator[Branch]:
    """Fetch the branch of a call.

    Raises:
        ConflictError: What is followed is no branch.
        OutriderError: It cannot be fetched.
    """
    if not params.branch and not source.movable:
        raise ConflictError(
            f"what is followed of {source.repository} is '{source.revision}', which is no branch", path="branch", found=source.revision,
            expected="a branch", suggestions=["name the branch that it is made from: --branch main"],
        )  # fmt: skip
    secret = params.password
    password = await context.environment.secrets.fetch(secret.secret, secret.key) if secret else None
    remote = Remote(source.repository, params.user, password)
    async with fetched(remote, params.branch or source.revision, cache_folder() / "git", context.remaining) as branch:
        yield branch
