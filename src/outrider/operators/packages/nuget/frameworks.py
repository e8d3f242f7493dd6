"""Names of target frameworks, such as net8.0, .NETStandard2.0 or portable-net45+win8.

https://learn.microsoft.com/dotnet/standard/frameworks and https://learn.microsoft.com/nuget/reference/target-frameworks; where these are
silent, NuGetFrameworkFactory and FrameworkNameProvider in https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Frameworks.
"""

import re
from functools import lru_cache
from typing import NamedTuple

Numbers = tuple[int, int, int, int]
NO_VERSION: Numbers = (0, 0, 0, 0)
NET, CORE, STANDARD, PLATFORM = ".netframework", ".netcoreapp", ".netstandard", ".netplatform"
PORTABLE, ANDROID, TIZEN = ".netportable", "monoandroid", "tizen"
_LARGEST = 2**31 - 1
_LONGEST = 500
# From .NET 5 on what is called net is what was called netcoreapp before.
_RENAMED = 5
_SHORT_NAMES = {
    "net": NET, ".net": NET, "netframework": NET, "netcoreapp": CORE, "netstandard": STANDARD, "dotnet": PLATFORM,
    "portable": PORTABLE, "netportable": PORTABLE, "win": "windows", "wp": "windowsphone", "wpa": "windowsphoneapp", "sl": "silverlight",
    "netcore": ".netcore", "xamarinios": "xamarin.ios", "xamarinmac": "xamarin.mac", "xamarintvos": "xamarin.tvos",
    "xamarinwatchos": "xamarin.watchos",
}  # fmt: skip
_KNOWN = {
    *_SHORT_NAMES.values(), ANDROID, TIZEN, "monotouch", "winrt", "uap", "native", "dnx", "dnxcore", ".netmicroframework",
}  # fmt: skip
_FULL_NAMES = {NET: ".NETFramework", CORE: ".NETCoreApp", STANDARD: ".NETStandard"}
_PROFILES = {"cf": "compactframework", "full": "", "wp": "windowsphone", "wp71": "windowsphone71"}
_FOLDER = re.compile(r"(?P<name>[a-z.]+)(?P<version>[0-9.]*)(?:-(?P<profile>[a-z0-9.+-]+))?", re.ASCII)
_PLATFORM = re.compile(r"(?P<name>[a-z.]*)(?P<version>.*)")


class Framework(NamedTuple):
    """A target framework; all names are in small letters.

    Attributes:
        name: Its long name.
        version: Four numbers; all of them are zero where none is written.
        profile: Part of it, such as `client`; of portable ones, the frameworks or a number.
        platform: Such as `windows` in net8.0-windows7.0.
        platform_version: Likewise.
    """

    name: str
    version: Numbers = NO_VERSION
    profile: str = ""
    platform: str = ""
    platform_version: Numbers = NO_VERSION


# What is for no framework in particular, and what is no framework that is known.
ANY, AGNOSTIC, UNSUPPORTED = Framework("any"), Framework("agnostic"), Framework("unsupported")


@lru_cache(maxsize=4096)
def read_framework(text: str) -> Framework:
    """Read a framework; what is unknown is `UNSUPPORTED`, and nothing at all is `ANY`."""
    lower = text.strip().lower()
    if len(lower) > _LONGEST:
        return UNSUPPORTED
    if not lower:
        return ANY
    for special in (ANY, AGNOSTIC, UNSUPPORTED):
        if lower.partition(",")[0].strip() == special.name:
            return special
    return _full_name(lower) if "," in lower else _folder_name(lower)


def numbers_of(text: str) -> Numbers | None:
    """Return the version that stands in a name: with dots, or one digit for each number; None where it is none."""
    parts = text.split(".") if "." in text else [*f"{text:0<2}"[:4]]
    if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts):
        return None
    one, two, three, four = (*map(int, parts), *[0] * (4 - len(parts)))
    return (one, two, three, four) if max(one, two, three, four) <= _LARGEST else None


def _identifier(text: str) -> str:
    """Return the long name of a framework; empty for one that is not known."""
    long = _SHORT_NAMES.get(text, text)
    return long if long in _KNOWN else ""


def _full_name(text: str) -> Framework:
    """Read a name such as `.NETFramework,Version=v4.5,Profile=Client`."""
    first, *rest = (part.strip() for part in text.split(","))
    fields = dict(part.split("=", 1) for part in rest if "=" in part)
    version = fields.get("version", "0.0").removeprefix("v")
    numbers = numbers_of(version if "." in version else f"{version}.0")
    name = _identifier(first)
    if not name or numbers is None:
        return UNSUPPORTED
    if name == CORE and numbers[0] >= _RENAMED:
        return Framework(name, numbers)
    profile = fields.get("profile", "")
    return Framework(name, numbers, _PROFILES.get(profile, profile))


def _folder_name(text: str) -> Framework:
    """Read a name such as `net45-client` or `.NETStandard2.0`."""
    match = _FOLDER.fullmatch(text)
    name = _identifier(match["name"]) if match is not None else ""
    if match is None or not name:
        return UNSUPPORTED
    numbers = numbers_of(match["version"]) if match["version"] else NO_VERSION
    if numbers is None:
        return UNSUPPORTED
    profile = match["profile"] or ""
    if numbers[0] >= _RENAMED and name in (NET, CORE):
        return _with_platform(numbers, profile)
    if name == PLATFORM and numbers == NO_VERSION:
        numbers = (5, 0, 0, 0)
    return Framework(name, numbers, _PROFILES.get(profile, profile))


def _with_platform(numbers: Numbers, text: str) -> Framework:
    match = _PLATFORM.fullmatch(text)
    assert match is not None
    if not text:
        return Framework(CORE, numbers)
    version = match["version"] if match["name"] else ""
    platform_version = numbers_of(version) if version else NO_VERSION
    if platform_version is None:
        return UNSUPPORTED
    return Framework(CORE, numbers, platform=match["name"] or text, platform_version=platform_version)


def full_name(framework: Framework) -> str:
    """Return the name of a framework as locks have it: `.NETStandard,Version=v2.0`, or `net8.0` from .NET 5 on.

    It is `NuGetFramework.ToString`; nuget.exe 5.8.0.6930 writes `.NETCoreApp,Version=v5.0` still, and sorts it as `net5.0`.
    """
    if framework.name == CORE and framework.version[0] >= _RENAMED:
        platform = f"-{framework.platform}{_shown(framework.platform_version)}" if framework.platform else ""
        return f"net{_shown(framework.version)}{platform}"
    profile = f",Profile={framework.profile.capitalize()}" if framework.profile else ""
    return f"{_FULL_NAMES[framework.name]},Version=v{_shown(framework.version)}{profile}"


def _shown(numbers: Numbers) -> str:
    """Return a version with two numbers at least, and no zeros behind these."""
    length = max(2, *(place for place, number in enumerate(numbers, 1) if number), 0)
    return ".".join(map(str, numbers[:length]))
