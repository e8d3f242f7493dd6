"""Which wheels may serve a range of versions of Python, and on which machines: both as uv judges it when it locks.

`matches_wheel_tag` and `wheel_reachability.rs` of uv 0.13; what is not known is allowed.
"""

import re
from functools import lru_cache

from outrider.operators.packages.pypi.records import tags_of
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Cut, Tree, conjunction, disjoint, disjunction

_LANGUAGE = re.compile(r"(py|cp|pp|graalpy|pyston)(\d)(\d+)?")
# Of GraalPy the version of Python stands behind its own.
_ABI = re.compile(r"(?:cp|pypy|graalpy\d+_)(\d)(\d+).*")
_MACHINES = {
    "linux": "os_name == 'posix' and sys_platform == 'linux'",
    "windows": "os_name == 'nt' and sys_platform == 'win32'",
    "macos": "os_name == 'posix' and sys_platform == 'darwin'",
    "android": "sys_platform == 'android'",
}
# What the tags of a kind of machine begin with.
_KINDS = {
    "linux": ("linux_", "manylinux", "musllinux_"),
    "windows": ("win32", "win_"),
    "macos": ("macosx_",),
    "android": ("android_",),
}
# What the tags of a kind of processor end with, and how machines call it.
_PROCESSORS = (
    (("aarch64", "arm64", "arm64_v8a"), ("aarch64", "arm64", "ARM64")),
    (("x86_64", "amd64"), ("x86_64", "amd64", "AMD64")),
    (("i686", "i386", "win32", "_x86"), ("i686", "i386", "win32", "x86")),
    (("ppc64le",), ("ppc64le",)),
    (("ppc64",), ("ppc64",)),
    (("s390x",), ("s390x",)),
    (("riscv64",), ("riscv64",)),
    (("loongarch64",), ("loongarch64",)),
    (("armv7l",), ("armv7l", "armv8l")),
    (("armv6l",), ("armv6l",)),
)
_ON_SOME = {"windows": 3, "macos": 3, "android": 3}


def may_serve(tags: str, pythons: PythonRange) -> bool:
    """Return whether a wheel with some tags, as its name has them, may run on one of some versions of Python."""
    languages, abis, _ = (part.split(".") for part in tags.split("-"))
    return any(_abi_may_serve(abi, languages, pythons) for abi in abis)


def begins_in_time(tags: str, pythons: PythonRange) -> bool:
    """Return whether a wheel with some tags is for no Pythons alone that come behind some versions, as far as its language tells."""
    matches = [_LANGUAGE.fullmatch(one) for one in tags.split("-", maxsplit=1)[0].split(".")]
    return any(one is None or one[3] is None or _not_above(int(one[3]), pythons) for one in matches)


def may_be_reached(wheel: str, pythons: PythonRange, reached: Tree) -> bool:
    """Return whether a wheel may be installed where its package is needed.

    Args:
        wheel: Its name.
        pythons: Of the project.
        reached: Where its package is needed.
    """
    tags = tags_of(wheel)
    if not may_serve(tags, pythons):
        return False
    platforms = tags.rsplit("-", 1)[-1].split(".")
    if all(one == "any" for one in platforms):
        return True
    for kind, starts in _KINDS.items():
        if all(one.startswith(starts) for one in platforms):
            processor = _processor(platforms, _ON_SOME.get(kind, len(_PROCESSORS)))
            if processor is not None:
                if "win_amd64" in platforms:
                    # Windows runs these on processors of ARM too.
                    processor = disjunction((processor, _machine_names(_PROCESSORS[0][1])))
                return not disjoint(reached, conjunction(marker_tree(_MACHINES[kind]), processor))
            if disjoint(reached, marker_tree(_MACHINES[kind])):
                return False
    processor = _processor(platforms, len(_PROCESSORS))
    return processor is None or not disjoint(reached, processor)


@lru_cache(maxsize=1000)
def _machine_names(names: tuple[str, ...]) -> Tree:
    return marker_tree(" or ".join(f"platform_machine == '{name}'" for name in names))


def _processor(platforms: list[str], most: int) -> Tree | None:
    """Return where the processor is that all of some tags are for; None where they are for several, or for one that is not known."""
    for ends, names in _PROCESSORS[:most]:
        if all(one.endswith(ends) for one in platforms):
            return _machine_names(names)
    return None


def _abi_may_serve(abi: str, languages: list[str], pythons: PythonRange) -> bool:
    if abi == "abi3":
        return True
    if abi == "none":
        return any(_language_may_serve(one, pythons) for one in languages)
    match = _ABI.fullmatch(abi)
    if match is None:
        # PyPy before it named the version of Python.
        return not abi.startswith("pypy")
    return match[1] == "3" and _exactly(int(match[2]), pythons)


def _language_may_serve(language: str, pythons: PythonRange) -> bool:
    match = _LANGUAGE.fullmatch(language)
    if match is None:
        return True
    if match[2] != "3":
        return match[2] != "2"
    if match[3] is None:
        return True
    minor = int(match[3])
    return _not_above(minor, pythons) if match[1] == "py" else _exactly(minor, pythons)


def _exactly(minor: int, pythons: PythonRange) -> bool:
    if pythons.low is None:
        return _not_above(minor, pythons)
    low, side = _release(pythons.low), pythons.low[1]
    first = ((low[0], low[1]), 0 if low[2] else side)
    return ((3, minor), 0) >= first and _not_above(minor, pythons)


def _not_above(minor: int, pythons: PythonRange) -> bool:
    if pythons.high is None:
        return True
    high, side = _release(pythons.high), pythons.high[1]
    return ((3, minor), 1) <= ((high[0], high[1]), 1 if high[2] else side)


def _release(cut: Cut) -> tuple[int, ...]:
    """Return the numbers of a version, three at least."""
    assert not isinstance(cut[0], str)
    return (*cut[0], *(0,) * (3 - len(cut[0])))
