"""The ecosystems whose registries are asked, and how a call asks them; only what is asked is imported."""

import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import msgspec

from outrider.operators.packages.policies.places import policy_paths
from outrider.operators.packages.registries.publications import Publisher
from outrider.operators.packages.registries.searching import Found
from outrider.operators.packages.registries.unheeded import is_on
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.context import Context
from outrider.runtime.contexts import cache_folder

_OFFLINE = {
    "cargo": "CARGO_NET_OFFLINE", "composer": "COMPOSER_DISABLE_NETWORK", "npm": "NPM_CONFIG_OFFLINE", "pypi": "UV_OFFLINE",
}  # fmt: skip


class Session(Protocol):
    """The module `session` of an ecosystem."""

    async def resolve(self, question: Question) -> Resolved | Impossible:
        """Choose versions of packages."""

    async def facts(self, question: Question, name: str, version: str = "") -> PackageFacts:
        """Return what is known of a package; what a version needs, of its latest one if none is given."""


def session_of(ecosystem: str) -> Session:
    """Return what asks the registries of an ecosystem, one of `ECOSYSTEMS`."""
    return cast("Session", import_module(f"outrider.operators.packages.{ecosystem}.session"))


class Searching(Protocol):
    """The module `searching` of an ecosystem."""

    async def search(self, question: Question, text: str, limit: int) -> Found:
        """Return what registries find for some words, `limit` packages at most."""


def searching_of(ecosystem: str) -> Searching:
    """Return what searches the registries of an ecosystem, one of those that can be searched."""
    return cast("Searching", import_module(f"outrider.operators.packages.{ecosystem}.searching"))


def publisher_of(ecosystem: str, question: Question, registry: str) -> AbstractAsyncContextManager[Publisher]:
    """Have what publishes in the registries of an ecosystem.

    Args:
        ecosystem: One in which is published here.
        question: With the settings of whoever calls.
        registry: The address to publish at; what the settings say if empty.
    """
    module = import_module(f"outrider.operators.packages.{ecosystem}.publishing")
    found: AbstractAsyncContextManager[Publisher] = module.publisher(question, registry)
    return found


class Terms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How a call asks.

    Attributes:
        policy: A file of PackagePolicy objects; it counts beside `packages-policy.yaml` of the project and of this user.
        offline: Ask no registry: do with what is kept of earlier questions.
    """

    policy: str = ""
    offline: bool = False


@contextmanager
def question_of(
    context: Context,
    ecosystem: str,
    packages: list[str],
    terms: Terms,
    *,
    target: str = "",
    folder: Path | None = None,
) -> Iterator[Question]:
    """Have a question, with the settings, the cache and the policies of whoever calls.

    Args:
        context: Of the call.
        ecosystem: Of the packages.
        packages: Each as its ecosystem writes it.
        terms: How it is asked.
        target: For which version of Python or target framework of .NET.
        folder: Of the project; the working folder if none is given.

    Raises:
        OutriderError: What is wrong with a policy.
    """
    folder = folder or Path.cwd()
    paths = policy_paths(os.environ, folder, terms.policy)
    with _policy(ecosystem, paths, context.clock.now()) as policy:
        yield Question(
            packages=packages, target=target, offline=terms.offline or _is_told_to_ask_nobody(ecosystem), cache=cache_folder() / "packages", folder=folder,
            environment=os.environ, clock=context.clock, deadline=context.deadline, policy=policy,
        )  # fmt: skip


def _is_told_to_ask_nobody(ecosystem: str) -> bool:
    """Return whether the client's variable says that no registry is asked; npm takes its own in any case of letters."""
    said = {name.upper() if name[:4].lower() == "npm_" else name: value for name, value in os.environ.items()}
    return is_on(said.get(_OFFLINE.get(ecosystem, ""), ""))


def policies_of(terms: Terms) -> list[str]:
    """Return the files of policies that count in the working folder."""
    return [str(path) for path in policy_paths(os.environ, Path.cwd(), terms.policy)]


def _policy(ecosystem: str, paths: list[Path], now: float) -> AbstractContextManager[Policy]:
    if not paths:
        return nullcontext(ADMIT_ALL)
    # Few have a policy, and all that knows of advisories comes with it.
    opening = import_module("outrider.operators.packages.policies.opening")
    policy: AbstractContextManager[Policy] = opening.opened_policy(ecosystem, paths, now)
    return policy
