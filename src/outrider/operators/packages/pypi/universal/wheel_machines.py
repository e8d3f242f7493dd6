"""On which machines a version runs, as far as the names of its files tell.

`implied_markers` in crates/uv-distribution-types/src/prioritized_distribution.rs of uv 0.13; what is not known there is for no machine.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, conjunction, disjunction
from outrider.operators.packages.pypi.universal.wheel_tags import may_serve

_LANGUAGE = re.compile(r"(py|cp|pp|graalpy|pyston)(\d)(\d+)?")
_IMPLEMENTATIONS = {"cp": "CPython", "pp": "PyPy", "graalpy": "GraalPy", "pyston": "Pyston"}
_WINDOWS = {"win32": "x86", "win_amd64": "AMD64", "win_arm64": "ARM64"}
_LINUX = re.compile(r"(?:linux|manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+)_(.+)")
_ANDROID = re.compile(r"android_\d+_(.+)")
_ANDROID_MACHINES = {"arm64_v8a": "aarch64", "armeabi_v7a": "armv7l", "x86": "i686", "x86_64": "x86_64"}
_MACOS = re.compile(r"macosx_(\d+)_(\d+)_(.+)")
_MACOS_MACHINES = {
    "universal2": ("x86_64", "arm64"), "intel": ("x86_64", "i386"), "universal": ("x86_64", "i386", "intel", "ppc", "ppc64"),
    "fat": ("x86_64", "ppc"), "fat32": ("x86_64", "i386", "ppc", "ppc64"), "fat64": ("x86_64", "ppc64"),
    **{one: (one,) for one in ("arm64", "x86_64", "i386", "ppc", "ppc64")},
}  # fmt: skip
# The release of Darwin in macOS 11, the first one for processors of ARM.
_FIRST_ARM = 20


@lru_cache(maxsize=10_000)
def machines_of(wheels: tuple[str, ...], pythons: PythonRange) -> Tree:
    """Return the machines on which wheels run.

    Args:
        wheels: Their tags.
        pythons: Of the project.
    """
    return disjunction(_of_wheel(tags) for tags in wheels if may_serve(tags, pythons))


@lru_cache(maxsize=1000)
def _of_wheel(tags: str) -> Tree:
    languages, abis, platforms = (part.split(".") for part in tags.split("-"))
    pythons = disjunction(_of_language(one, is_stable="abi3" in abis) for one in languages)
    return conjunction(disjunction(marker_tree(text) for one in platforms for text in _of_platform(one)), pythons)


def _of_language(language: str, *, is_stable: bool) -> Tree:
    match = _LANGUAGE.fullmatch(language)
    if match is None:
        return language == "none"
    kind, major, minor = match.groups()
    if is_stable:
        text = f"python_full_version >= '{'.'.join(filter(None, (major, minor)))}'"
    elif minor is None or kind == "py":
        text = f"python_full_version >= '{major}.{minor or 0}' and python_full_version < '{int(major) + 1}'"
    else:
        text = f"python_full_version == '{major}.{minor}.*'"
    implementation = _IMPLEMENTATIONS.get(kind)
    return marker_tree(f"{text} and platform_python_implementation == '{implementation}'" if implementation else text)


def _of_platform(platform: str) -> Iterator[str]:
    """Yield the markers of which one is true where a wheel runs; an empty one always is."""
    if platform == "any":
        yield ""
    elif platform in _WINDOWS:
        yield f"sys_platform == 'win32' and platform_machine == '{_WINDOWS[platform]}'"
    elif match := _LINUX.fullmatch(platform):
        yield f"sys_platform == 'linux' and platform_machine == '{match[1]}'"
    elif (match := _ANDROID.fullmatch(platform)) and match[1] in _ANDROID_MACHINES:
        yield f"sys_platform == 'android' and platform_machine == '{_ANDROID_MACHINES[match[1]]}'"
    elif match := _MACOS.fullmatch(platform):
        release = _darwin(int(match[1]), int(match[2]))
        for machine in _MACOS_MACHINES.get(match[3], ()) if release else ():
            first = str(_FIRST_ARM) if machine == "arm64" and float(release) < _FIRST_ARM else release
            yield f"sys_platform == 'darwin' and platform_machine == '{machine}' and platform_release >= '{first}'"


def _darwin(major: int, minor: int) -> str:
    """Return the release of Darwin in a version of macOS; empty where there is none of this name."""
    if major == 10:
        return ("1.3", "1.4", "6")[minor] if minor < 3 else str(minor + 4) if minor <= 16 else ""
    if minor or major < 11 or 15 < major < 26:
        return ""
    return str(major + 9 if major <= 15 else 25 if major == 26 else major)
