"""Packages that Yarn 4 patches: `plugin-compat` of 4.18."""

from collections.abc import Iterable

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name

# With the hash of the patch; empty where a lock has a checksum of what comes out, which Yarn alone can make.
PATCHED = {"fsevents": "df0bf1", "resolve": "", "typescript": ""}
PATCH, PLAIN = "patch", ""


def source_of(text: str) -> str:
    """Return the range that a patch of Yarn's own is for; empty where it is none."""
    before, mark, _ = text.partition("#optional!builtin<compat/")
    if not mark or not before.startswith("patch:"):
        return ""
    plain = before.removeprefix("patch:").replace("%23", "#").replace("%3A", ":").replace("%25", "%")
    return split_name(plain)[1]


def patch_of(source: str, name: str, rest: str = "") -> str:
    """Return what asks for the patch of a package.

    Args:
        source: The package: its name, and what is asked of it.
        name: Of the patch.
        rest: What stands behind it.
    """
    safe = source.replace("%", "%25").replace(":", "%3A").replace("#", "%23")
    return f"patch:{safe}#optional!builtin<compat/{name}>{rest}"


def known_to_yarn_alone(name: str, version: str) -> UnsupportedError:
    """Return the error for a package whose patch is part of Yarn."""
    return UnsupportedError(
        f"npm {name} {version}: Yarn patches it, and the checksum of what comes out is known to Yarn alone",
        found=name, expected="packages that Yarn does not patch", suggestions=["have Yarn write the lock file: yarn install"],
    )  # fmt: skip


def refuse_patched(names: Iterable[str]) -> None:
    """Refuse a project with a package that Yarn would patch.

    Raises:
        UnsupportedError: It has one.
    """
    odd = next((name for name in names if name in PATCHED), "")
    if odd:
        raise UnsupportedError(
            f"package.json: a package of the workspace is called {odd}, and what is called so Yarn patches", path="name", found=odd,
            expected="another name", suggestions=["have Yarn write the lock file: yarn install"],
        )  # fmt: skip
