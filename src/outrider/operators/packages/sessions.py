"""The ecosystems whose registries are asked, and how a call asks them; only what is asked is imported."""

import os
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol, cast

from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.context import Context
from outrider.runtime.contexts import cache_folder

Asked = Literal["cargo", "composer", "npm", "pypi"]


class Session(Protocol):
    """The module `session` of an ecosystem."""

    async def resolve(self, question: Question) -> Resolved | Impossible:
        """Choose versions of packages."""

    async def facts(self, question: Question, name: str) -> PackageFacts:
        """Return what is known of a package."""


def session_of(ecosystem: Asked) -> Session:
    """Return what asks the registries of an ecosystem."""
    return cast("Session", import_module(f"outrider.operators.packages.{ecosystem}.session"))


def question_of(context: Context, packages: list[str], *, python: str = "", offline: bool = False) -> Question:
    """Return a question, with the settings and the cache of whoever calls."""
    return Question(
        packages=packages, python=python, offline=offline, cache=cache_folder() / "packages", folder=Path.cwd(), environment=os.environ,
        clock=context.clock, deadline=context.deadline,
    )  # fmt: skip
