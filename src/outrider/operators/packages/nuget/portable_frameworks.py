"""Portable class libraries, which are for several frameworks at once. They are not made any more, and old packages have them.

The profiles are those of DefaultPortableFrameworkMappings in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Frameworks.
"""

from functools import cache, lru_cache

from outrider.operators.packages.nuget.frameworks import ANDROID, NET, PORTABLE, UNSUPPORTED, Framework, read_framework

_PROFILES = """
31 win81 wp81|32 win81 wpa81|44 net451 win81|84 wp81 wpa81|151 net451 win81 wpa81|157 win81 wp81 wpa81|7 net45 win8|49 net45 wp8
78 net45 win8 wp8|111 net45 win8 wpa81|259 net45 win8 wpa81 wp8|2 net4 win8 sl4 wp7|3 net4 sl4|4 net45 sl4 win8 wp7|5 net4 win8
6 net403 win8|14 net4 sl5|18 net403 sl4|19 net403 sl5|23 net45 sl4|24 net45 sl5|36 net4 sl4 win8 wp8|37 net4 sl5 win8
41 net403 sl4 win8|42 net403 sl5 win8|46 net45 sl4 win8|47 net45 sl5 win8|88 net4 sl4 win8 wp75|92 net4 win8 wpa81
95 net403 sl4 win8 wp7|96 net403 sl4 win8 wp75|102 net403 win8 wpa81|104 net45 sl4 win8 wp75|136 net4 sl5 win8 wp8
143 net403 sl4 win8 wp8|147 net403 sl5 win8 wp8|154 net45 sl4 win8 wp8|158 net45 sl5 win8 wp8|225 net4 sl5 win8 wpa81
240 net403 sl5 win8 wpa81|255 net45 sl5 win8 wpa81|328 net4 sl5 win8 wpa81 wp8|336 net403 sl5 win8 wpa81 wp8
344 net45 sl5 win8 wpa81 wp8
"""
_WITH_OPTIONAL = frozenset(
    (5, 6, 7, 14, 19, 24, 37, 42, 44, 47, 49, 78, 92, 102, 111, 136, 147, 151, 158, 225, 255, 259, 328, 336, 344)
)
_OPTIONAL = (ANDROID, "monotouch", "xamarin.ios", "xamarin.mac", "xamarin.watchos", "xamarin.tvos")
# Up to which .NET Standard a profile goes.
_STANDARDS = {
    7: "1.1", 31: "1.0", 32: "1.2", 44: "1.2", 49: "1.0", 78: "1.0", 84: "1.0", 111: "1.1", 151: "1.2", 157: "1.0", 259: "1.0",
}  # fmt: skip
# Two names of the same: https://learn.microsoft.com/nuget/reference/target-frameworks#supported-frameworks.
_SAME = {
    "netcore45": "win8", "netcore": "win8", "win": "win8", "winrt": "win8", "winrt45": "win8", "netcore451": "win81", "wp": "wp7",
    "sl3-wp": "wp7", "sl4-wp71": "wp71", "sl8-wp": "wp8", "sl81-wp": "wp81", "wpa": "wpa81",
}  # fmt: skip


def is_portable(framework: Framework) -> bool:
    """Return whether a framework stands for several."""
    return framework.name == PORTABLE and framework.version[0] < 5


@lru_cache(maxsize=1024)
def parts_of(framework: Framework) -> tuple[Framework, ...]:
    """Return the frameworks that a portable one is for; none where it is made up."""
    text = framework.profile
    if text.startswith("profile"):
        text = text.removeprefix("profile")
        return _profiles().get(int(text), ()) if text.isascii() and text.isdecimal() and len(text) < 6 else ()
    parts = tuple(canonical(read_framework(part)) for part in text.split("+"))
    return () if UNSUPPORTED in parts or any(is_portable(part) for part in parts) else parts


@lru_cache(maxsize=1024)
def all_parts_of(framework: Framework) -> tuple[Framework, ...]:
    """Return the same with those that came later, of Xamarin."""
    optional = _number(framework) in _WITH_OPTIONAL
    return (*parts_of(framework), *(Framework(name) for name in _OPTIONAL if optional))


def standard_of(framework: Framework) -> Framework | None:
    """Return the newest .NET Standard that a portable framework goes up to."""
    version = _STANDARDS.get(_number(framework) or 0)
    return None if version is None else read_framework(f"netstandard{version}")


def canonical(framework: Framework) -> Framework:
    """Return one of several names of the same framework."""
    return _same().get(framework, framework)


def rank(framework: Framework) -> tuple[int, tuple[int, ...], str]:
    """Return by what portable frameworks are sorted where nothing else decides: that for the fewest frameworks comes first."""
    parts = parts_of(framework)
    newest = next((part.version for part in parts if part.name == NET), (0, 0, 0, 0))
    return len(parts), tuple(-number for number in newest), framework.profile


def _number(framework: Framework) -> int | None:
    """Return the number of a profile; None where what is written is none of them."""
    parts = {part for part in parts_of(framework) if part.name not in _OPTIONAL}
    return next((number for number, profile in _profiles().items() if parts == set(profile)), None)


@cache
def _profiles() -> dict[int, tuple[Framework, ...]]:
    lines = [line.split() for line in _PROFILES.replace("|", "\n").splitlines() if line]
    return {int(number): tuple(map(read_framework, names)) for number, *names in lines}


@cache
def _same() -> dict[Framework, Framework]:
    return {read_framework(one): read_framework(other) for one, other in _SAME.items()}
