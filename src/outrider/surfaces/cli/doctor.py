"""`outrider doctor`: what this machine offers, each line with its remedy."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from outrider.core.errors import OutriderError
from outrider.runtime.client import read_endpoint
from outrider.runtime.contexts import Contexts, cache_folder, user_state_folder
from outrider.runtime.discovery import registry
from outrider.runtime.plugins.catalogue import catalogue
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.settings import FINDINGS


class Finding(msgspec.Struct, kw_only=True):
    """One checked thing: ok, note or problem."""

    what: str
    state: str
    detail: str
    remedy: str = ""


@click.command()
@output_option(list[Finding])
def doctor(output: Output) -> int:
    """Check what this machine offers; exit 6 where something is wrong."""
    findings = look()
    if output.for_people:
        for finding in findings:
            sys.stdout.write(f"{finding.state:<8} {finding.what:<12} {finding.detail}\n")
            if finding.remedy:
                sys.stdout.write(f"{'':<8} {'':<12} fix: {finding.remedy}\n")
    else:
        show(findings, output)
    return FINDINGS if any(finding.state == "problem" for finding in findings) else 0


def look() -> list[Finding]:
    """Return what was found."""
    return [*_system(), *_sandbox(), *_programs(), *_folders(), *_installation(), *_platforms()]


def _system() -> Iterator[Finding]:
    linux = sys.platform == "linux"
    yield Finding(
        what="system",
        state="ok" if linux else "note",
        detail=f"{sys.platform}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}",
        remedy="" if linux else "agents, sandbox and clusters run on Linux; CLI and client work here",
    )


def _sandbox() -> Iterator[Finding]:
    from outrider.runtime.sandbox.model import Level
    from outrider.runtime.sandbox.probe import strongest_level

    try:
        level, report = execute(strongest_level(Level.LANDLOCK, cache=cache_folder()))
    except OutriderError as error:
        yield Finding(what="sandbox", state="problem", detail=error.message, remedy=error.hint)
        return
    strongest = level is Level.NAMESPACED
    watched = sorted(report.machine.watched(level))
    missing = [name for name, enforced in report.limits.items() if not enforced]
    yield Finding(
        what="sandbox",
        state="ok" if strongest else "note",
        detail=level.label
        + (f"; limits held by watching: {', '.join(watched)}" if watched else "")
        + (f"; limits that do not hold here: {', '.join(missing)}" if missing else ""),
        remedy="" if strongest else "install bubblewrap for the strongest level: apt-get install bubblewrap",
    )


def _programs() -> Iterator[Finding]:
    node = shutil.which("node")
    yield Finding(
        what="node",
        state="ok" if node else "note",
        detail=node or "not installed: plugins in Node.js cannot run",
        remedy="" if node else "apt-get install nodejs",
    )


def _folders() -> Iterator[Finding]:
    for what, folder in (("cache", cache_folder()), ("state", user_state_folder())):
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        writable = os.access(nearest, os.W_OK)
        free = shutil.disk_usage(nearest).free
        yield Finding(
            what=what,
            state="ok" if writable else "problem",
            detail=f"{folder}, {free / 1e9:.1f} GB free",
            remedy="" if writable else f"make {nearest} writable, or set XDG_{what.upper()}_HOME",
        )


def _installation() -> Iterator[Finding]:
    broken = [(package.module, package.error.message) for package in registry().broken]
    broken += [(str(path), error.message) for path, error in catalogue().broken.items()]
    found = f"{len(registry().families)} families, {len(registry().kinds)} kinds, {len(catalogue().plugins())} plugins"
    yield Finding(what="catalogue", state="problem" if broken else "ok", detail=found)
    yield from (Finding(what="broken", state="problem", detail=f"{name}: {message}") for name, message in broken)


def _platforms() -> Iterator[Finding]:
    for context in Contexts().all():
        endpoint = read_endpoint(context.state)
        running = endpoint is not None and Path(f"/proc/{endpoint.pid}").exists()
        stale = endpoint is not None and not running
        yield Finding(
            what="platform",
            state="problem" if stale else "ok",
            detail=f"{context.name} in {context.folder}: {'running' if running else 'not running'}",
            remedy=f"it ended without cleaning up; start it again: outrider up {context.folder}" if stale else "",
        )
