import json
import secrets
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.operators.host.icmp import checksum, echo_request, is_reply
from outrider.operators.host.operations import ping
from outrider.operators.host.tests.host_calls import run

pytestmark = pytest.mark.real
COOKIE = bytes(range(16))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_a_machine_that_answers(host: str) -> None:
    found = await run("ping", host=host, count=2)
    assert (found.answered, found.sent, found.received, found.reason) == (True, 2, 2, "")
    assert found.address in ("127.0.0.1", "::1")
    assert found.worst_ms >= found.latency_ms > 0


@pytest.mark.parametrize(
    ("preparation", "reason"),
    [("ip link set lo up; echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all", "no answer within 0.05 s"),
     ("true", "Network is unreachable")],
)  # fmt: skip
def test_a_machine_that_does_not_answer(preparation: str, reason: str) -> None:
    """In a network of its own, whose only machine ignores echo requests, or has no address."""
    asked = f"{sys.executable} -m outrider host ping 127.0.0.1 --count 2 --timeout 50ms -o json"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", f"{preparation}; {asked}"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert (found["answered"], found["sent"], found["received"], found["latency_ms"]) == (False, 2, 0, 0), done.stderr
    assert found["reason"] == reason


async def test_a_name_that_there_is_not() -> None:
    found = await run("ping", host="none.invalid", count=1)
    assert (found.answered, found.address) == (False, "")
    assert found.reason


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b"])
async def test_an_impossible_name_is_named(host: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await run("ping", host=host)
    assert caught.value.path == "host"


async def test_a_user_who_may_send_no_icmp_learns_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    original = socket.socket

    def refused(family: int = -1, kind: int = -1, protocol: int = -1, fileno: int | None = None) -> socket.socket:
        if protocol in ping._PROTOCOLS.values():
            raise PermissionError(1, "Operation not permitted")
        return original(family, kind, protocol, fileno)

    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(MissingRequirementError, match="may send no ICMP") as caught:
        await run("ping", host="127.0.0.1")
    assert "ping_group_range" in caught.value.suggestions[0]


async def test_answers_to_others_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([b"x" * 16, COOKIE])
    monkeypatch.setattr(ping, "echo_request", lambda family, sequence, _: echo_request(family, sequence, next(asked)))
    monkeypatch.setattr(secrets, "token_bytes", lambda _: COOKIE)
    found = await run("ping", host="127.0.0.1", count=2, timeout="200ms")
    assert (found.sent, found.received, found.reason) == (2, 1, "no answer within 0.2 s")


@given(
    cookie=st.binary(min_size=1, max_size=64),
    sequence=st.integers(0, 2**17),
    family=st.sampled_from([socket.AF_INET, socket.AF_INET6]),
)
def test_a_request_is_sound_and_its_echo_is_its_answer(cookie: bytes, sequence: int, family: int) -> None:
    request = echo_request(family, sequence, cookie)
    assert checksum(request) == 0
    echo = bytes([0 if family == socket.AF_INET else 129]) + request[1:]
    assert is_reply(echo, family, cookie, with_ip_header=False)
    assert is_reply(b"\x45" + bytes(19) + echo, family, cookie, with_ip_header=True)
    assert is_reply(b"\x46" + bytes(23) + echo, family, cookie, with_ip_header=True)
    assert not is_reply(request, family, cookie, with_ip_header=False)
    assert not is_reply(echo + b"\0", family, cookie, with_ip_header=False)


@given(message=st.binary(max_size=80), header=st.booleans())
def test_any_message_is_an_answer_or_none(message: bytes, header: bool) -> None:
    is_reply(message, socket.AF_INET, COOKIE, with_ip_header=header)
