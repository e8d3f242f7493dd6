"""Who manages a service: the platform's supervisor, or systemd."""

import shutil
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError, NotFoundError, PreconditionFailedError
from outrider.ports.http.client import Client
from outrider.ports.process import run
from outrider.runtime.context import Context

T = TypeVar("T")
SYSTEMD_RUNNING = Path("/run/systemd/system")
# No leading dash, which systemctl would take for an option, and nothing that means something in a URL.
ServiceName = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,254}(?!\n)$", examples=["web", "nginx.service"])
]


class ServiceParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which service.

    Attributes:
        service: Name of a supervised service or systemd unit.
    """

    service: ServiceName


def service_target(params: ServiceParams) -> str:
    """Return what an operation on a service acts on."""
    return f"service/{params.service}"


class ServiceState(msgspec.Struct, kw_only=True):
    """A service now; `state` in the manager's own words, pid 0 where nothing runs."""

    name: str
    state: str
    pid: int = 0
    problem: str = ""

    @property
    def running(self) -> bool:
        """Whether it runs; systemd's list names no pids, so its word counts too."""
        return self.pid > 0 or self.state.startswith("active")


class ServiceManager(Protocol):
    """What starts and stops services."""

    name: str

    async def status(self, service: str) -> ServiceState:
        """Return the state of a service.

        Raises:
            NotFoundError: It does not manage this one.
        """
        ...

    async def act(self, service: str, action: str) -> ServiceState:
        """Start, stop or restart a service and return its state afterwards."""
        ...

    async def list(self) -> list[ServiceState]:
        """Return every service."""
        ...


class Supervised:
    """The services of the platform's own supervisor, over its unix socket."""

    name = "supervisor"

    def __init__(self, socket: Path, timeout: float) -> None:
        self._socket = socket
        self._timeout = timeout

    async def status(self, service: str) -> ServiceState:
        """Ask the supervisor."""
        return await self._request("GET", f"/services/{service}", ServiceState)

    async def act(self, service: str, action: str) -> ServiceState:
        """Have the supervisor do it."""
        return await self._request("POST", f"/services/{service}/{action}", ServiceState)

    async def list(self) -> list[ServiceState]:
        """Ask the supervisor."""
        return await self._request("GET", "/services", list[ServiceState])

    async def _request(self, method: str, path: str, target: type[T]) -> T:
        client = Client(f"unix:{self._socket}")
        try:
            return await client.request_json(method, path, None, target, timeout=self._timeout)
        finally:
            await client.close()


class Systemd:
    """The units of this machine's systemd."""

    name = "systemd"

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def status(self, service: str) -> ServiceState:
        """Ask systemd."""
        shown = await self._systemctl("show", "--property=LoadState,ActiveState,SubState,MainPID", service)
        facts = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        if facts.get("LoadState") == "not-found":
            raise NotFoundError(f"no unit is called '{service}'", found=service, suggestions=["systemctl list-units"])
        state = f"{facts.get('ActiveState', 'unknown')} ({facts.get('SubState', 'unknown')})"
        return ServiceState(name=service, state=state, pid=int(facts.get("MainPID") or 0))

    async def act(self, service: str, action: str) -> ServiceState:
        """Have systemd do it and wait for it."""
        await self._systemctl(action, service)
        return await self.status(service)

    async def list(self) -> list[ServiceState]:
        """Ask systemd for its services."""
        shown = await self._systemctl("list-units", "--type=service", "--all", "--plain", "--no-legend")
        rows = [line.split(None, 4) for line in shown.splitlines() if line.strip()]
        return [ServiceState(name=row[0], state=f"{row[2]} ({row[3]})") for row in rows if len(row) >= 4]

    async def _systemctl(self, *arguments: str) -> str:
        done = await run(["systemctl", "--no-pager", *arguments], timeout=self._timeout)
        if done.exit_code != 0:
            text = done.stderr.decode("utf-8", "replace").strip()
            raise ExecutionFailedError(f"systemctl {' '.join(arguments)}: {text}", found=f"exit code {done.exit_code}")
        return done.stdout.decode("utf-8", "replace")


def managers(context: Context) -> list[ServiceManager]:
    """Return the managers at hand, the supervisor first.

    Raises:
        MissingRequirementError: Neither a supervisor nor systemd runs here.
    """
    found: list[ServiceManager] = []
    if context.environment.supervisor is not None:
        found.append(Supervised(context.environment.supervisor, context.remaining()))
    if SYSTEMD_RUNNING.is_dir() and shutil.which("systemctl"):
        found.append(Systemd(context.remaining()))
    if not found:
        raise MissingRequirementError(
            "services: neither a platform's supervisor nor systemd runs here",
            expected="a running platform with spec.services, or systemd",
            suggestions=["start a platform: outrider up DIR"],
        )
    return found


async def find_manager(service: str, context: Context) -> ServiceManager:
    """Return the manager that knows a service.

    Raises:
        MissingRequirementError: Neither a supervisor nor systemd runs here.
        NotFoundError: None knows the service.
    """
    fault: NotFoundError | None = None
    for manager in managers(context):
        try:
            await manager.status(service)
        except NotFoundError as error:
            fault = fault or error
        else:
            return manager
    assert fault is not None
    raise fault


def check_same_process(before: ServiceState, context: Context) -> None:
    """Refuse to touch a service whose process is another one than when the plan was made.

    Raises:
        PreconditionFailedError: It was started, stopped or restarted in the meantime.
    """
    expected = context.preconditions.get("pid", before.pid)
    if expected != before.pid:
        raise PreconditionFailedError(
            f"service/{before.name}: it was started or stopped since the plan was made",
            found=f"pid {before.pid}",
            expected=f"pid {expected}",
            suggestions=["make a new plan"],
        )
