"""Platforms of gems, as `Gem::Platform` of RubyGems 4.0 has them, and which variant of a version is the best one for a platform.

https://docs.ruby-lang.org/en/master/Gem/Platform.html. Before RubyGems 3.3.23 a gem for musl
counted as one for any Linux; that is not copied.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

RUBY = "ruby"
_RUBY_SCORE = 1_000_000
_NUMBERS = r"([0-9]+(?:\.[0-9]+)*)"
# In this order; where the second one is empty, the first group names the system.
_SYSTEMS = [
    (re.compile(pattern, re.ASCII), name)
    for pattern, name in (
        (r"aix-?([0-9]+)?", "aix"),
        (r"cygwin()", "cygwin"),
        (r"darwin-?([0-9]+)?", "darwin"),
        (r"^macruby()$", "macruby"),
        (rf"^macruby-?{_NUMBERS}?", "macruby"),
        (r"freebsd-?([0-9]+)?", "freebsd"),
        (r"^(?:java|jruby)()$", "java"),
        (rf"^java-?{_NUMBERS}?", "java"),
        (r"^dalvik-?([0-9]+)?$", "dalvik"),
        (r"^dotnet()$", "dotnet"),
        (rf"^dotnet-?{_NUMBERS}?", "dotnet"),
        (r"linux-?(\w+)?", "linux"),
        (r"mingw32()", "mingw32"),
        (r"mingw-?(\w+)?", "mingw"),
        (r"(mswin[0-9]+)(?:[_-]([0-9]+))?", ""),
        (r"netbsdelf()", "netbsdelf"),
        (r"openbsd-?([0-9]+\.[0-9]+)?", "openbsd"),
        (r"solaris-?([0-9]+\.[0-9]+)?", "solaris"),
        (r"wasi()", "wasi"),
        (r"^(\w+_platform)-?([0-9]+)?", ""),
    )
]
_ANY_CPU = ("", "universal")


class Platform(NamedTuple):
    """A platform; what is not named is empty."""

    cpu: str
    system: str
    version: str


@lru_cache(maxsize=1_000)
def parsed(text: str) -> Platform:
    """Return a platform by its text, such as `x86_64-linux-musl`; `ruby` is none."""
    cpu, _, system = text.rstrip("-").partition("-")
    if not system:
        cpu, system = "", cpu
    cpu = "x86" if re.search(r"i[0-9]86", cpu) else cpu
    for pattern, name in _SYSTEMS:
        match = pattern.search(system)
        if match is None:
            continue
        if name:
            return Platform(cpu, name, match[1] or "")
        is_32_bit = match[1].startswith("mswin") and match[1].endswith("32")
        return Platform(cpu or ("x86" if is_32_bit else ""), match[1], match[2] or "")
    return Platform(cpu, "unknown", "")


def canonical(text: str) -> str:
    """Return a platform as RubyGems writes it: `x86_64-darwin-20` of `x86_64-darwin20`."""
    return text if text == RUBY else "-".join(part for part in parsed(text) if part)


def fits(text: str, target: str) -> bool:
    """Return whether a gem for a platform can be used on another one; what is for `ruby` can be used on any."""
    if text in (RUBY, target):
        return True
    if target == RUBY:
        return False
    of_gem, here = parsed(text), parsed(target)
    if "universal" in (of_gem.cpu, here.cpu) and of_gem.system.startswith("mingw") and here.system.startswith("mingw"):
        return True
    return _cpu_fits(of_gem, here) and of_gem.system == here.system and _version_fits(of_gem, here)


def _cpu_fits(of_gem: Platform, here: Platform) -> bool:
    if of_gem.cpu in _ANY_CPU or here.cpu in _ANY_CPU or of_gem.cpu == here.cpu:
        return True
    return of_gem.cpu == "arm" and here.cpu.startswith("armv")


def _version_fits(of_gem: Platform, here: Platform) -> bool:
    if of_gem.version == here.version:
        return True
    if of_gem.system != "linux":
        return not of_gem.version or not here.version
    # Of Linux it is the C library, and where none is named it is that of GNU.
    with_musl = [f"{libc}{of_gem.version}" for libc in ("musl", "musleabi", "musleabihf")]
    return _libc(of_gem) == _libc(here) or here.version in with_musl


def _libc(platform: Platform) -> str:
    return re.sub(r"eabi(hf)?$", "", platform.version.removeprefix("gnu"))


def best(platforms: Sequence[str], target: str) -> list[int]:
    """Return the positions of those among some platforms that fit a target best, equally good ones in their order.

    Args:
        platforms: Of the variants of a version.
        target: For which platform.
    """
    fitting = [position for position, text in enumerate(platforms) if fits(text, target)]
    exact = [position for position in fitting if platforms[position] == target]
    if exact or len(fitting) <= 1:
        return exact or fitting
    scores = {position: distance(platforms[position], target) for position in fitting}
    nearest = min(scores.values())
    return [position for position in fitting if scores[position] == nearest]


def distance(text: str, target: str) -> int:
    """Return how far a platform is from a target; the lowest number is the best one."""
    if text == target:
        return -1
    if RUBY in (text, target):
        return _RUBY_SCORE
    of_gem, here = parsed(text), parsed(target)
    if of_gem == here:
        return -1
    if of_gem.cpu == here.cpu or (of_gem.cpu == "arm" and here.cpu.startswith("arm")):
        cpu = 0
    else:
        cpu = 1 if of_gem.cpu in _ANY_CPU else 2
    version = 0 if of_gem.version == here.version else 2 if of_gem.version else 1
    return (of_gem.system != here.system) + 10 * cpu + 100 * version
