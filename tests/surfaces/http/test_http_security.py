import os
import signal
import ssl
import stat
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from outrider.runtime.contexts import user_state_folder
from tests.ports.http.authority import Authority
from tests.surfaces.http.serving import SERVE, Served, serving

pytestmark = pytest.mark.real


@pytest.mark.parametrize("token", ["wrong", "Bearer", " "])
def test_nothing_is_told_without_the_token(served: Served, token: str) -> None:
    for method, path in (
        ("GET", "/v1/operators"),
        ("POST", "/v1/operators/host/facts"),
        ("POST", "/mcp"),
        ("GET", "/v1/status"),
    ):
        answer = served.ask(method, path, token=token)
        assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_health_and_the_document_are_open(served: Served) -> None:
    assert served.ask("GET", "/health", token="").json["status"] == "ok"
    assert served.ask("GET", "/openapi.json", token="").status == 200


def test_the_token_is_the_users_alone(served: Served) -> None:
    status = (user_state_folder() / "serve" / "token").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o600, os.geteuid())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:80"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:7080"}, 200),
        ({"host": "localhost:1", "origin": "http://localhost:1"}, 200),
    ],
)
def test_pages_of_others_are_refused(served: Served, headers: dict[str, str], status: int) -> None:
    answer = served.ask("POST", "/v1/operators/host/facts", headers=headers)
    assert answer.status == status
    assert answer.code == ("DENIED" if status == 403 else "")


def refused(*words: str) -> str:
    done = subprocess.run([*SERVE, "serve", *words], capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode in (2, 5), done
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--listen", "0.0.0.0:0"], "in the clear"),
        (["--listen", "7080"], "is not an address"),
        (["--listen", "127.0.0.1:99999"], "not a port"),
        (["--listen", "127.0.0.1:0", "--tls-key", "x"], "belong together"),
        (["--listen", "127.0.0.1:0", "--tls-key", "x", "--tls-certificate", "y"], "cannot be used"),
        (["--listen", "127.0.0.1:0", "--agent", "A B"], "--agent"),
    ],
)
def test_what_cannot_be_served_is_said(home: Path, words: list[str], message: str) -> None:
    assert message in refused(*words)


def test_a_taken_port_is_named(served: Served) -> None:
    port = served.address.rpartition(":")[2]
    assert "another process does" in refused("--listen", f"127.0.0.1:{port}")


def test_a_token_that_others_may_read_is_refused(home: Path) -> None:
    with serving():
        token = user_state_folder() / "serve" / "token"
    token.chmod(0o644)
    assert "chmod 600" in refused("--listen", "127.0.0.1:0")


def test_with_a_certificate_it_speaks_tls(home: Path) -> None:
    authority = Authority(home)
    identity = str(authority.issue("server", dns=("localhost",)))
    trust = ssl.create_default_context(cafile=str(authority.file))
    with serving("--listen", "0.0.0.0:0", "--tls-certificate", identity, "--tls-key", identity) as served:
        port = served.address.rpartition(":")[2]
        assert served.address.startswith("https://")
        with urllib.request.urlopen(f"https://localhost:{port}/health", context=trust, timeout=20) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"https://localhost:{port}/health", timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_a_signal(home: Path, number: int) -> None:
    with serving() as served:
        served.process.send_signal(number)
        assert served.process.wait(timeout=20) == 0
