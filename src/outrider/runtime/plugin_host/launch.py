"""From a plugin's manifest and configuration to a confined process with exactly the granted rights."""

import shutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outrider.core.audit import AuditEntry
from outrider.core.confinement import SandboxSpec
from outrider.core.errors import InvalidConfigError, MissingRequirementError, OutriderError
from outrider.ports.telemetry import logger
from outrider.runtime.audit import AuditLog
from outrider.runtime.plugin_host.protocol import MAX_LINE
from outrider.runtime.plugins.manifest import Plugin, PluginManifest
from outrider.runtime.plugins.requirements import library_folders
from outrider.runtime.sandbox.launch import compile_module
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.probe import strongest_level
from outrider.runtime.sandbox.process import Confined, start

GUEST = Path(__file__).resolve().parent / "guest"
_PORTS = {"http": 80, "https": 443}
_log = logger(__name__)


class HostLauncher:
    """Starts the plugin processes of one agent.

    Args:
        folder: The platform's folder, where relative paths of configurations begin.
        state: The agent's state folder; each plugin gets a work folder in it.
        protected: Files and folders with keys and states: no plugin may reach them.
        cache: Where the sandbox probe's result is kept.
        audit: Gets a record of every start without a sandbox; without it there is none.
    """

    def __init__(
        self, *, folder: Path, state: Path, protected: Sequence[Path], cache: Path, audit: AuditLog | None = None
    ) -> None:  # fmt: skip
        self._protected = [path.resolve() for path in protected]
        self._audit = audit
        self.folder = folder
        self._state = state
        self._cache = cache
        self._spec = SandboxSpec()
        self._level: Level | None = None
        self._machine: Machine | None = None
        self.level = ""

    def use(self, spec: SandboxSpec) -> None:
        """Confine as this says from now on."""
        if spec != self._spec:
            self._spec, self._level = spec, None

    async def launch(self, plugin: Plugin, config: dict[str, Any], name: str) -> Confined:
        """Start a plugin's process.

        Raises:
            SandboxUnavailableError: No level that works here is strong enough.
            MissingRequirementError: The plugin's interpreter, or a library of it, is not installed.
            InvalidConfigError: A path or port that it needs cannot be granted.
        """
        manifest = plugin.manifest
        _check_folder(plugin, self._protected)
        level = await self._choose(manifest)
        work = self._state / "plugins" / f"{manifest.type}-{name}"
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        limits = manifest.limits
        compile_module(GUEST / "outrider_plugin.py")
        return await start(
            level,
            grants(manifest, config, self.folder, self._protected),
            Limits(memory=int(limits.memory), pids=limits.processes, cpu=limits.cpu, file_size=int(limits.file_size)),
            program=_program(plugin),
            surroundings=Surroundings(work_dir=work, read_only=[plugin.folder, GUEST, *library_folders(manifest)]),
            machine=self._machine,
            line_limit=MAX_LINE,
        )

    async def _choose(self, manifest: PluginManifest) -> Level:
        if self._level is None:
            try:
                self._level, report = await strongest_level(Level.named(self._spec.min_level), cache=self._cache)
            except OutriderError:
                allowed = self._spec.allow_unsandboxed
                if self._audit is None or not any(fnmatchcase(manifest.id, pattern) for pattern in allowed):
                    raise
                _log.warning("plugin '%s' runs without a sandbox: sandbox.allowUnsandboxed names it", manifest.id)
                entry = AuditEntry(
                    phase="fact", principal=f"plugin:{manifest.id}", action="plugin.unsandboxed", outcome="ok"
                )
                await self._audit.append_synced(entry)
                return Level.NONE
            self.level, self._machine = self._level.label, report.machine
        return self._level


def _check_folder(plugin: Plugin, protected: Sequence[Path]) -> None:
    """Refuse a plugin that sees what is protected because that lies in its own folder."""
    for path in protected:
        if _overlap(path, plugin.folder):
            raise InvalidConfigError(
                f"plugin '{plugin.manifest.id}': its folder holds keys or states", found=str(path),
                expected=f"nothing of that in {plugin.folder}", suggestions=["keep secrets in another folder"],
            )  # fmt: skip


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def grants(manifest: PluginManifest, config: dict[str, Any], folder: Path, protected: Sequence[Path]) -> Grants:
    """Return what a plugin may reach: the ports and paths that its configuration names, where plugin.yaml says so.

    Raises:
        InvalidConfigError: A port cannot be read, or a path would open the platform's own state.
    """
    network, files = manifest.permissions.network, manifest.permissions.filesystem
    connect = [port for field in network.connect for port in _ports(manifest, config, field)]
    return Grants(
        read_paths=[path for field in files.read for path in _paths(config, field, folder, protected)],
        write_paths=[path for field in files.write for path in _paths(config, field, folder, protected, create=True)],
        connect_ports=connect or None,
        listen_ports=[port for field in network.listen for port in _ports(manifest, config, field)],
    )


def _values(config: dict[str, Any], field: str) -> Iterator[str]:
    value = config.get(field)
    yield from (str(item) for item in (value if isinstance(value, list) else [value]) if item is not None)


def _ports(manifest: PluginManifest, config: dict[str, Any], field: str) -> Iterator[int]:
    for text in _values(config, field):
        parts = urlsplit(text if "://" in text else f"//{text}")
        try:
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            port = None
        if port is None:
            raise InvalidConfigError(
                f"plugin '{manifest.id}': no port can be read from config.{field}",
                path=f"config.{field}",
                found=text,
                expected="a URL, or host:port",
                suggestions=["add the port"],
            )
        yield port


def _paths(
    config: dict[str, Any], field: str, folder: Path, protected: Sequence[Path], *, create: bool = False
) -> Iterator[str]:
    """Yield the folder of each named file, so that the plugin sees it replaced or created; of a folder the folder itself.

    Where that folder holds what is protected, the file alone is granted.
    """
    for text in _values(config, field):
        path = (folder / text).resolve()
        wide = path if path.is_dir() else path.parent
        near = [one for one in protected if _overlap(one, wide)]
        if not near:
            yield str(wide)
            continue
        yield _alone(path, field, near, create=create)


def _alone(path: Path, field: str, near: Sequence[Path], *, create: bool) -> str:
    """Return a file that lies beside what is protected."""
    is_inside = any(path.is_relative_to(one) for one in near)
    if create and not path.exists() and not is_inside:
        path.touch(mode=0o644)
    if path.is_file() and not is_inside:
        return str(path)
    if path.exists() or is_inside:
        reason = "the plugin would reach the platform's own state"
        expected, remedy = f"a file, or a folder that does not hold {near[0]}", "use a folder of its own"
    else:
        reason = f"there is nothing at {path}"
        expected, remedy = "a file or folder that is there", "make it, or correct the path"
    raise InvalidConfigError(
        f"config.{field}: {reason}", path=f"config.{field}", found=str(path), expected=expected, suggestions=[remedy]
    )


def absolute_paths(manifest: PluginManifest, config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the configuration with the paths that plugin.yaml grants made absolute; the sandbox begins elsewhere."""
    files = manifest.permissions.filesystem
    named = {field for field in (*files.read, *files.write) if isinstance(config.get(field), str)}
    return {key: str((folder / value).resolve()) if key in named else value for key, value in config.items()}


def _program(plugin: Plugin) -> list[str]:
    runtime, entry = plugin.manifest.runtime, str(plugin.entry_point)
    if runtime.type == "python":
        return ["python", entry]
    if runtime.type == "executable":
        return [entry]
    interpreter = shutil.which({"nodejs": "node", "sh": "sh"}[runtime.type])
    if interpreter is None:
        raise MissingRequirementError(
            f"plugin '{plugin.manifest.id}' needs Node.js, which is not installed",
            found="no `node` in PATH",
            expected="Node.js 18 or newer",
            suggestions=["apt-get install nodejs"],
        )
    return [interpreter, entry]
