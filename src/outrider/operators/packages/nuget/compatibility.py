"""Which frameworks a project can use, and which of several is the nearest to it.

https://learn.microsoft.com/dotnet/standard/net-standard, and of the rest CompatibilityProvider, FrameworkReducer and
DefaultFrameworkMappings in https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Frameworks.
"""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from outrider.operators.packages.nuget.frameworks import (
    AGNOSTIC,
    ANDROID,
    ANY,
    CORE,
    NET,
    NO_VERSION,
    PLATFORM,
    STANDARD,
    TIZEN,
    UNSUPPORTED,
    Framework,
    Numbers,
    read_framework,
)
from outrider.operators.packages.nuget.portable_frameworks import (
    all_parts_of,
    canonical,
    is_portable,
    parts_of,
    rank,
    standard_of,
)

# From which version of a framework on, which other framework up to which version can be used too.
_MAPPINGS = """
net45 netstandard1.1 dotnet5.2|net451 netstandard1.2 dotnet5.3|net46 netstandard1.3 dotnet5.4|net461 netstandard2.0 dotnet5.5
net462 netstandard2.0 dotnet5.6|net463 netstandard2.0|netcoreapp1.0 netstandard1.6|netcoreapp1.1 netstandard1.7
netcoreapp2.0 netstandard2.0|netcoreapp3.0 netstandard2.1|monoandroid netstandard2.1 dotnet5.6|tizen3 netstandard1.6
tizen4 netstandard2.0|tizen6 netstandard2.1
"""
_PRECEDENCE = (NET, ".netcore", "windows", "windowsphoneapp", CORE, ".netstandardapp", STANDARD, PLATFORM)
_PACKAGE_BASED = (CORE, STANDARD, PLATFORM, "uap", "dnxcore", "tizen")
# What those who build for newer frameworks take where nothing is written for them.
_FALLBACKS = tuple(map(read_framework, ("net461", "net462", "net47", "net471", "net472", "net48", "net481")))


def fallbacks_of(target: Framework) -> tuple[Framework, ...]:
    """Return the frameworks that are taken where nothing is compatible, which is the warning NU1701.

    The .NET SDK sets them as AssetTargetFallback, for .NET Core and .NET Standard from 2.0 on:
    https://learn.microsoft.com/nuget/reference/errors-and-warnings/nu1701.
    """
    return _FALLBACKS if target.name in (CORE, STANDARD) and target.version >= (2, 0, 0, 0) else ()


@lru_cache(maxsize=16384)
def is_compatible(target: Framework, candidate: Framework) -> bool:
    """Return whether a project for one framework can use what is for another."""
    if target == candidate or ANY in (target, candidate):
        return True
    if target == UNSUPPORTED or candidate in (UNSUPPORTED, AGNOSTIC):
        return target != UNSUPPORTED and candidate == AGNOSTIC
    if is_portable(candidate):
        mine = parts_of(target) if is_portable(target) else (target,)
        theirs = all_parts_of(candidate)
        return len(mine) <= len(theirs) and all(any(is_compatible(one, other) for other in theirs) for one in mine)
    return any(_is_within(one, canonical(candidate)) for one in _expanded(canonical(target)))


def nearest(target: Framework, candidates: Sequence[Framework]) -> Framework | None:
    """Return which of several frameworks is the nearest to that of a project; None where it can use none of them."""
    if target in candidates:
        return target
    left = _without_lower([one for one in candidates if is_compatible(target, one)])
    left = _of_the_same_name(target, left)
    left = _without_portable(target, left)
    if target.name not in _PACKAGE_BASED:
        left = _preferred(left, [one for one in left if one.name not in _PACKAGE_BASED])
    if not any(is_portable(one) for one in left):
        mine = [one for one in left if (one.name, one.profile) == (target.name, target.profile) and target.profile]
        left = _preferred(left, mine)
        left = _preferred(left, [one for one in left if not one.profile])
    if target.platform:
        left = _of_platform(target, left)
    # Where nothing else decides, NuGet goes by names.
    return min(sorted(left, reverse=True), key=_precedence, default=None)


def _expanded(target: Framework) -> Iterable[Framework]:
    """Yield a framework and those that it can use besides."""
    yield target
    if is_portable(target) and (standard := standard_of(target)) is not None:
        yield standard
    for beginning, others in _mappings():
        if target.name == beginning.name and target.version >= beginning.version:
            yield from others


def _is_within(target: Framework, candidate: Framework) -> bool:
    """Return whether a candidate is the same framework, and no newer."""
    if target.name == CORE and target.version[0] >= 6 and target.platform and candidate.name in (ANDROID, TIZEN):
        return target.platform == candidate.name.removeprefix("mono")
    if target.name != candidate.name or _profile(target) != _profile(candidate):
        return False
    if not _is_no_newer(target.version, candidate.version):
        return False
    same = target.platform == candidate.platform
    return not candidate.platform or (same and _is_no_newer(target.platform_version, candidate.platform_version))


def _is_no_newer(target: Numbers, candidate: Numbers) -> bool:
    return candidate == NO_VERSION or candidate <= target


def _profile(framework: Framework) -> str:
    return "" if framework.name == NET and framework.profile == "client" else framework.profile


def _without_lower(candidates: Sequence[Framework]) -> list[Framework]:
    """Leave out what is lower than another one; what is for any framework is lower than all."""
    specific = [one for one in dict.fromkeys(candidates) if one != ANY]
    left = [one for one in specific if not any(_is_lower(one, other) for other in specific if other != one)]
    return left or list(dict.fromkeys(candidates))


def _is_lower(one: Framework, other: Framework) -> bool:
    if not is_compatible(other, one):
        return False
    if not is_compatible(one, other):
        return True
    return one.name == other.name and one.version == NO_VERSION != other.version


def _of_the_same_name(target: Framework, candidates: list[Framework]) -> list[Framework]:
    kept = (target.name, ANDROID, TIZEN) if target.version[0] >= 6 and target.platform else (target.name,)
    if any(one.name == target.name for one in candidates):
        return [one for one in candidates if one.name in kept]
    return candidates


def _without_portable(target: Framework, candidates: list[Framework]) -> list[Framework]:
    others = [one for one in candidates if not is_portable(one)]
    if others or len(candidates) < 2:
        return others or candidates
    best = nearest(target, [part for one in candidates for part in all_parts_of(one)])
    return [min((one for one in candidates if best in all_parts_of(one)), key=rank)]


def _of_platform(target: Framework, candidates: list[Framework]) -> list[Framework]:
    own = [one for one in candidates if one.name == CORE]
    if target.version[0] < 6 or any(one.version[0] >= 6 for one in own):
        highest = max((one.version for one in own), default=NO_VERSION)
        return _preferred(candidates, [one for one in own if one.version == highest])
    return _preferred(candidates, [one for one in candidates if one.name in (ANDROID, TIZEN)])


def _preferred(all_of_them: list[Framework], some: list[Framework]) -> list[Framework]:
    return some if some and len(all_of_them) > 1 else all_of_them


def _precedence(framework: Framework) -> int:
    return _PRECEDENCE.index(framework.name) if framework.name in _PRECEDENCE else len(_PRECEDENCE)


@cache
def _mappings() -> list[tuple[Framework, tuple[Framework, ...]]]:
    lines = [line.split() for line in _MAPPINGS.replace("|", "\n").splitlines() if line]
    return [(read_framework(first), tuple(map(read_framework, rest))) for first, *rest in lines]
