"""The registries of packages of one run: ours and its rivals, each a process with an empty folder before the real registries."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.gateways import HERE
from benchmarks.system import wait_until
from outrider.operators.packages.pypi.settings import pypi_registries
from tests.peers import environments
from tests.servers.ports import free_port

READY_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 120.0, 120.0, 15.0
RIVALS = HERE / "rivals"
VERDACCIO, DEVPI = "verdaccio", "devpi"


class Registry(NamedTuple):
    """A registry that answers.

    Attributes:
        pid: Its process.
        npm: Where npm finds it; empty if it has no packages of npm.
        pypi: Where uv finds it; empty if it has none of Python.
        token: Shown with each request, if there is one.
    """

    pid: int
    npm: str = ""
    pypi: str = ""
    token: str = ""

    @property
    def authorization(self) -> dict[str, str]:
        """What to send along."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


Start = Callable[[Path], AbstractContextManager[Registry]]


def rivals() -> dict[str, Start]:
    """Install the rivals where they are not yet, and return how they are started; it is said which one cannot be had."""
    found: dict[str, Start] = {}
    try:
        # It needs a newer Node.js than Debian has, which comes along as a package of npm.
        modules = environments.install_node(RIVALS / "verdaccio")
        found[VERDACCIO] = partial(verdaccio, programs=modules / ".bin")
    except environments.PeerError as error:
        print(f"verdaccio is not measured: {error}", file=sys.stderr)
    try:
        found[DEVPI] = partial(devpi, programs=environments.install("devpi", RIVALS / "requirements-devpi.txt"))
    except environments.PeerError as error:
        print(f"devpi is not measured: {error}", file=sys.stderr)
    return found


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Registry]:
    """Have the registry as users start it."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state")}
    program, kept = [sys.executable, "-m", "outrider", "packages"], ["--folder", str(folder / "registry")]
    log = folder / "outrider.log"
    with _process([*program, "serve", "--listen", "127.0.0.1:0", *kept], log, environment) as process:
        wait_until(lambda: _goes_on(process, log) and ", kept in" in log.read_text(), READY_SECONDS, "Outrider serves")
        # It has chosen a port, and says which.
        url = log.read_text().partition("serving packages at ")[2].partition(",")[0]
        made = subprocess.run(
            [*program, "registry_token", "benchmark", *kept, "--yes", "-o", "json"],
            env=environment, cwd=folder, capture_output=True, check=True,
        )  # fmt: skip
        token = json.loads(made.stdout)["token"]
        yield Registry(process.pid, f"{url}/npm/", f"{url}/pypi/simple/", token)


@contextlib.contextmanager
def verdaccio(folder: Path, programs: Path) -> Iterator[Registry]:
    """Have verdaccio before the registry that npm uses; everybody may read."""
    upstream = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, check=True).stdout
    settings = folder / "verdaccio.yaml"
    settings.write_text((RIVALS / "verdaccio" / "verdaccio.yaml").read_text().format(upstream=upstream.strip()))
    url, log = f"http://127.0.0.1:{free_port()}/", folder / "verdaccio.log"
    command = [str(programs / "node"), str(programs / "verdaccio"), "--config", str(settings), "--listen", url]
    with _process(command, log, os.environ) as process:
        wait_until(lambda: _goes_on(process, log) and _listens(f"{url}-/ping"), READY_SECONDS, "verdaccio answers")
        yield Registry(process.pid, npm=url)


@contextlib.contextmanager
def devpi(folder: Path, programs: Path) -> Iterator[Registry]:
    """Have devpi with a mirror of the index that pip uses, and nothing else; everybody may read."""
    kept, port, log = ["--serverdir", str(folder / "devpi")], free_port(), folder / "devpi.log"
    subprocess.run([str(programs / "devpi-init"), *kept, "--no-root-pypi"], capture_output=True, check=True, cwd=folder)
    command = [str(programs / "devpi-server"), *kept, "--host", "127.0.0.1", "--port", str(port)]
    # The key of its logins, of which there is one here, takes half a minute by itself.
    command += ["--argon2-time-cost", "1", "--argon2-memory-cost", "64", "--argon2-parallelism", "1"]
    url = f"http://127.0.0.1:{port}"
    with _process(command, log, os.environ) as process:
        wait_until(lambda: _goes_on(process, log) and _listens(f"{url}/+api"), READY_SECONDS, "devpi answers")
        login = _sent("POST", f"{url}/+login", {"user": "root", "password": ""})["result"]["password"]
        shown = {"X-Devpi-Auth": base64.b64encode(f"root:{login}".encode()).decode()}
        upstream = pypi_registries(os.environ, folder)[-1].url
        mirror = {"type": "mirror", "mirror_url": upstream, "mirror_no_project_list": True, "volatile": True}
        _sent("PUT", f"{url}/root/mirror", mirror, shown)
        yield Registry(process.pid, pypi=f"{url}/root/mirror/+simple/")


def answer(url: str, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """Return what is answered, and its encoding."""
    request = urllib.request.Request(url, headers=dict(headers))
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
        return response.read(), response.headers.get("Content-Encoding", "")


def _sent(method: str, url: str, content: Any, headers: Mapping[str, str] | None = None) -> Any:
    request = urllib.request.Request(
        url, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})}, method=method
    )
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
        return json.load(response)


def _listens(url: str) -> bool:
    try:
        answer(url, {})
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _goes_on(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"it ended by itself:\n{log.read_text()[-2000:]}")
    return True


@contextlib.contextmanager
def _process(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program in the folder of its log; nothing that it has started outlives it."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, cwd=log.parent, start_new_session=True
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
