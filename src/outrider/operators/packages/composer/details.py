"""What is asked of repositories of Composer besides packages."""

from collections.abc import Collection, Mapping
from typing import Any

from outrider.operators.packages.resolving.questions import Details


class ComposerDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        development: Names of what only development needs.
        project: The `composer.json` whose lock is asked for; empty where packages are asked for by themselves.
    """

    development: Collection[str] = ()
    project: Mapping[str, Any] = {}
