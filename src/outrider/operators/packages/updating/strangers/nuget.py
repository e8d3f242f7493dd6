"""What a NuGet.Config would take: https://learn.microsoft.com/nuget/reference/nuget-config-file#packagesourcecredentials."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.nuget.setting_files import SettingFiles
from outrider.operators.packages.updating.strangers.machine import Machine, reserved, variables_taken, would_be_shown

FILES = ("[Nn]u[Gg]et.[Cc]onfig",)
LOCKS = ("packages.lock.json", "packages.*.lock.json")
_VARIABLE = re.compile(r"%([^%\s]+)%")
_OF_VARIABLES = "nugetpackagesourcecredentials_"
_PROXY = ("http_proxy", "http_proxy.user", "http_proxy.password", "no_proxy")
_PLACE = "the NuGet.Config of whoever runs this"


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    root = read_xml("NuGet.Config", text.removeprefix("\ufeff"))
    yield from variables_taken([*dict.fromkeys(_VARIABLE.findall(text))], machine)
    ways = [f"config.{key}" for one in root.iterfind("config/add") if (key := one.get("key", "").strip()) in _PROXY]
    yield from (reserved(key, _PLACE) for key in ways)
    own = SettingFiles(machine.environment, Path("/"))
    known = {name.lower(): own.value(one.element) for name, one in own.items("packageSources").items()}
    logins = _logins(own, machine.environment)
    for one in root.iterfind("packageSources/add"):
        name = one.get("key", "").strip().lower()
        if name in logins and one.get("value", "").strip() != known.get(name):
            yield would_be_shown(f"the source {name}", "what this machine has for a source by that name", _PLACE)


def _logins(own: SettingFiles, environment: Mapping[str, str]) -> set[str]:
    """Return the names of sources for which this machine has credentials, in small letters."""
    files = own.items("packageSourceCredentials", "", "", ignore_case=False)
    variables = [one[len(_OF_VARIABLES) :] for one in map(str.lower, environment) if one.startswith(_OF_VARIABLES)]
    return {*map(str.lower, files), *variables}
