"""What npm is told that would have it choose otherwise, and is not heeded here: https://docs.npmjs.com/cli/v11/using-npm/config."""

from collections.abc import Collection, Mapping

from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.registries.unheeded import unheeded

# What is heeded alone, by the settings that change what is chosen, or where it stands.
_HEEDED = {
    "before": ("null",), "engine-strict": ("false",), "force": ("false",), "global-style": ("false",), "install-links": ("false",),
    "install-strategy": ("hoisted",), "legacy-bundling": ("false",), "legacy-peer-deps": ("false",), "min-release-age": ("0", "null"),
    "prefer-dedupe": ("false",), "strict-peer-deps": ("false",), "tag": ("latest",),
}  # fmt: skip


def refuse_choices(settings: NpmSettings) -> None:
    """Refuse what changes what npm would choose.

    Raises:
        UnsupportedError: There is such a setting.
    """
    refuse_others(settings, _HEEDED, "changes what npm would choose", "use npm itself: npm install")


def refuse_others(settings: NpmSettings, heeded: Mapping[str, Collection[str]], why: str, remedy: str) -> None:
    """Refuse settings that are others than those that are heeded.

    Args:
        settings: All of them.
        heeded: By setting, the values that are.
        why: The others are not.
        remedy: What to do instead.

    Raises:
        UnsupportedError: There is one.
    """
    for key, values in heeded.items():
        said = settings.value(key)
        if said and said not in values:
            raise unheeded(settings.source(key), key, f"{said} {why}", remedy)
