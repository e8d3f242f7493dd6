"""How strongly plugins must be confined, as objects declare it."""

from typing import Literal

import msgspec

from outrider.core.objects import Name

LevelName = Literal["none", "landlock", "namespaced"]
EnforcedLevel = Literal["landlock", "namespaced"]


class SandboxSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The strongest level that works on the machine is used; below `minLevel` no plugin runs.

    `allowUnsandboxed` names plugins that may run without any sandbox where none works; every such start is audited.
    """

    min_level: EnforcedLevel = "landlock"
    allow_unsandboxed: list[Name] = []
