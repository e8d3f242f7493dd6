"""Settings of Yarn 1 that are not read, and say whom it asks: https://classic.yarnpkg.com/lang/en/docs/yarnrc/."""

import re
from collections.abc import Mapping
from pathlib import Path

from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.registries.unheeded import unheeded

_FILE = ".yarnrc"
_SETTING = re.compile(
    r"""^\s*["']?((?:@[\w.-]+:)?registry|yarn-offline-mirror|(?:https-)?proxy|cafile)["']?[\s:=]""", re.MULTILINE
)
_VARIABLES = ("YARN_REGISTRY", "YARN_OFFLINE", "YARN_YARN_OFFLINE_MIRROR")


def refuse_classic(folder: Path, environment: Mapping[str, str]) -> None:
    """Refuse what a `.yarnrc` or a variable says of registries; what `.npmrc` says counts for Yarn 1 too.

    Args:
        folder: Of the project.
        environment: Variables.

    Raises:
        UnsupportedError: One says something.
    """
    remedy = f"write it into .npmrc, which Yarn 1 reads too, and leave it out of {_FILE}"
    for name in _VARIABLES:
        if environment.get(name):
            raise unheeded(name, name, "variables of Yarn 1 are not read", f"set npm_config_registry, and unset {name}")
    place = folder.absolute()
    for path in dict.fromkeys(one / _FILE for one in (place, *place.parents, Path(environment.get("HOME") or "/"))):
        match = _SETTING.search(text_or_none(path) or "")
        if match is not None:
            raise unheeded(str(path), match[1], "this file is not read", remedy)
