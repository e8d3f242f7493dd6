"""By what requests are known: tokens of the kubeconfig, of files and of programs."""

import asyncio
import base64
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, MissingRequirementError, OutriderError, UnauthenticatedError
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.kube import credentials
from outrider.ports.kube.credentials import Credentials, authorities
from outrider.ports.kube.kubeconfig import Cluster, ExecPlugin, Target, User, Variable, read_kubeconfig
from tests.ports.kube.support import KUBECTL, Pki, get, needs_kubectl, transport_to
from tests.servers.kube_api.faults import ANY, Answer
from tests.servers.kube_api.server import FakeApi

SECRET = "s3cr3t"


def shown(fake: FakeApi) -> list[str]:
    """By what each request was known."""
    return [call.headers.get("authorization") or "" for call in fake.requests]


def asking(user: User, clock: ManualClock | None = None, **cluster: Any) -> Credentials:
    return Credentials(Target("test", Cluster(server="https://c", **cluster), user), clock or ManualClock())


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (User(), ""), (User(token="abc"), "Bearer abc"),
        (User(username="me", password="p:ü"), "Basic " + base64.b64encode("me:p:ü".encode()).decode()),
        (User(token="abc", username="me", password="p"), "Bearer abc"),
    ],
)  # fmt: skip
async def test_what_the_kubeconfig_holds_is_sent(fake: FakeApi, user: User, expected: str) -> None:
    async with transport_to(fake.url, user) as transport:
        await transport.send(get())
    assert shown(fake) == [expected]


async def test_a_refusal_of_what_cannot_change_is_final(fake: FakeApi) -> None:
    fake.script(ANY, Answer(401))
    for user in (User(token=SECRET), User(username="me", password=SECRET)):
        fake.requests.clear()
        async with transport_to(fake.url, user) as transport:
            with pytest.raises(UnauthenticatedError, match="list Widget") as caught:
                await transport.send(get())
        assert len(fake.requests) == 1
        assert SECRET not in str(caught.value.body())
        assert "log in again" in caught.value.hint


async def test_an_authority_in_a_file_does_not_help_who_is_refused(fake: FakeApi, tmp_path: Path) -> None:
    fake.script(ANY, Answer(401))
    async with transport_to(fake.url, User(token="t"), certificate_authority=str(tmp_path / "ca.crt")) as transport:
        with pytest.raises(UnauthenticatedError):
            await transport.send(get())
    assert len(fake.requests) == 1


async def test_a_file_with_a_token_is_read_again_after_a_refusal_and_once_only(fake: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    async with transport_to(fake.url, User(token="old", token_file=str(file))) as transport:
        await transport.send(get())
        file.write_text("two\n")
        await transport.send(get())
        refused = fake.script(ANY, Answer(401), times=1)
        await transport.send(get())
        assert shown(fake) == ["Bearer one", "Bearer one", "Bearer one", "Bearer two"], refused.used
        fake.script(ANY, Answer(401))
        fake.requests.clear()
        with pytest.raises(UnauthenticatedError):
            await transport.send(get())
    assert len(fake.requests) == 2


async def test_a_file_with_a_token_is_read_again_after_a_minute(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", ManualClock()
    file.write_text("one")
    asked = asking(User(token_file=str(file)), clock)
    found = [await asked.proof()]
    file.write_text("two")
    for seconds in (59, 1):
        clock.advance(seconds)
        found.append(await asked.proof())
    assert [proof.authorization for proof in found] == ["Bearer one", "Bearer one", "Bearer two"]


async def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for user, field in (
        (User(token_file=str(tmp_path / "no")), "tokenFile"),
        (User(client_certificate=str(tmp_path / "no")), "client-certificate"),
        (User(client_certificate_data="YQ==", client_key=str(tmp_path)), "client-key"),
    ):
        with pytest.raises(InvalidConfigError, match=field) as caught:
            await asking(user).proof()
        assert str(tmp_path) in caught.value.found
    with pytest.raises(InvalidConfigError, match="certificate-authority"):
        authorities(Cluster(certificate_authority=str(tmp_path / "no")))


async def test_bytes_in_place_of_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InvalidConfigError, match="tokenFile"):
        await asking(User(token_file=str(tmp_path / "file"))).proof()
    with pytest.raises(InvalidConfigError, match="certificate-authority"):
        authorities(Cluster(certificate_authority_data=base64.b64encode(b"\xff\xfe\x80").decode()))


async def test_what_is_no_base64_is_refused_without_being_shown() -> None:
    for user in (
        User(client_certificate_data=f"{SECRET}!"),
        User(client_certificate_data="YQ==", client_key_data=f"{SECRET}é"),
    ):
        with pytest.raises(InvalidConfigError, match="-data of the kubeconfig is no base64") as caught:
            await asking(user).proof()
        assert SECRET not in str(caught.value.body())
    with pytest.raises(InvalidConfigError, match="certificate-authority-data"):
        authorities(Cluster(certificate_authority_data="a"))


def test_base64_may_stand_on_several_lines() -> None:
    assert authorities(Cluster(certificate_authority_data="YW\nJj\n")) == "abc"


async def test_a_token_that_cannot_be_sent_is_refused_without_being_shown(fake: FakeApi) -> None:
    for token in (f"{SECRET}\nx-forged: 1", f"{SECRET}€"):
        async with transport_to(fake.url, User(token=token)) as transport:
            with pytest.raises(InvalidConfigError, match="authorization") as caught:
                await transport.send(get())
        assert SECRET not in str(caught.value.body())
    assert fake.requests == []


class Login:
    """A program that gives credentials, and counts how often it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "login.sh"

    def plugin(self, does: str, **settings: Any) -> ExecPlugin:
        self.script.write_text(f"echo run >> {self.folder}/runs\n{does}\n")
        return ExecPlugin(**{"command": "sh", "args": [str(self.script)], **settings})

    def giving(self, **status: Any) -> ExecPlugin:
        answer = self.folder / "answer"
        answer.write_text(
            json.dumps({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": status})
        )
        return self.plugin(f"cat {answer}")

    @property
    def runs(self) -> int:
        return len((self.folder / "runs").read_text().splitlines())


@pytest.fixture
def login(tmp_path: Path) -> Login:
    return Login(tmp_path)


async def failure(plugin: ExecPlugin, **cluster: Any) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await asking(User(exec=plugin), **cluster).proof()
    return caught.value


async def test_the_token_of_a_program_is_sent_and_asked_for_once(fake: FakeApi, login: Login) -> None:
    plugin = login.giving(token="abc")
    async with transport_to(fake.url, User(exec=plugin, token="other")) as transport:
        await asyncio.gather(*(transport.send(get()) for _ in range(8)))
    assert (set(shown(fake)), login.runs) == ({"Bearer abc"}, 1)


async def test_a_program_is_asked_again_a_little_before_the_end_of_what_it_gave(login: Login) -> None:
    clock = ManualClock()
    end = datetime.fromtimestamp(clock.now() + 100, UTC).isoformat()
    asked = asking(User(exec=login.giving(token="one", expirationTimestamp=end)), clock)
    assert (await asked.proof()).authorization == "Bearer one"
    login.giving(token="two")
    clock.advance(69)
    assert (await asked.proof()).authorization == "Bearer one"
    clock.advance(2)
    assert (await asked.proof()).authorization == "Bearer two"
    clock.advance(1e6)
    assert ((await asked.proof()).authorization, login.runs) == ("Bearer two", 2), "what has no end is good for ever"


async def test_what_a_program_gave_is_shown_until_its_end_where_it_gives_no_other(login: Login) -> None:
    clock = ManualClock()
    end = datetime.fromtimestamp(clock.now() + 100, UTC).isoformat()
    asked = asking(User(exec=login.giving(token="one", expirationTimestamp=end)), clock)
    await asked.proof()
    login.plugin("exit 1")
    for seconds in (71, 1, 27):
        clock.advance(seconds)
        assert (await asked.proof()).authorization == "Bearer one"
    assert login.runs == 3, "not with every request"
    clock.advance(2)
    with pytest.raises(UnauthenticatedError):
        await asked.proof()


async def test_a_program_is_asked_again_after_a_refusal(fake: FakeApi, login: Login) -> None:
    async with transport_to(fake.url, User(exec=login.giving(token="one"))) as transport:
        await transport.send(get())
        login.giving(token="two")
        fake.script(ANY, Answer(401), times=1)
        await transport.send(get())
    assert (shown(fake), login.runs) == (["Bearer one", "Bearer one", "Bearer two"], 2)


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("echo noise >&2; echo no session >&2; exit 3", "exit code 3: no session"), ("exit 1", "exit code 1"),
        ("kill -9 $$", "exit code -9"),
        ("echo hello", "no ExecCredential"), ("", "no ExecCredential"), ("printf '\\377\\376'", "no ExecCredential"),
        ("echo '[]'", "no ExecCredential"),
        ("echo '{}'", "no status"), ("""echo '{"status": {}}'""", "no status"),
        ("""echo '{"status": {"token": ""}}'""", "no status"),
        (f"""echo '{{"status": {{"token": "{SECRET}", "expirationTimestamp": "soon"}}}}'""", "no ExecCredential"),
    ],
)  # fmt: skip
async def test_a_program_that_fails_is_named_with_the_reason(login: Login, does: str, why: str) -> None:
    error = await failure(login.plugin(does))
    assert isinstance(error, UnauthenticatedError)
    assert why in error.message
    assert "sh, which gives the credentials" in error.message
    assert SECRET not in str(error.body())


async def test_a_program_that_does_not_end_is_killed(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PLUGIN_SECONDS", 0.1)
    error = await failure(login.plugin("sleep 100"))
    assert isinstance(error, UnauthenticatedError)
    assert "did not end" in error.message


async def test_a_failure_is_not_kept(login: Login) -> None:
    asked = asking(User(exec=login.plugin("exit 1")))
    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            await asked.proof()
    login.giving(token="abc")
    assert (await asked.proof()).authorization == "Bearer abc"


async def test_a_program_that_is_not_installed_is_named_with_what_the_kubeconfig_advises(tmp_path: Path) -> None:
    for command in ("no-such-login", str(tmp_path / "login")):
        error = await failure(ExecPlugin(command, install_hint="\nget it at https://login.test\n"))
        assert isinstance(error, MissingRequirementError)
        assert command in error.message
        assert error.suggestions == ["get it at https://login.test"]
    (tmp_path / "login").touch(0o644)
    assert isinstance(await failure(ExecPlugin(str(tmp_path / "login"))), UnauthenticatedError)


async def test_arguments_of_a_program_are_not_shown() -> None:
    error = await failure(ExecPlugin("false", args=["get-token", f"--oidc-client-secret={SECRET}"]))
    assert SECRET not in str(error.body())


async def test_null_in_what_a_program_gives_says_nothing(login: Login) -> None:
    plugin = login.giving(token="abc", clientCertificateData=None, clientKeyData=None, expirationTimestamp=None)
    assert (await asking(User(exec=plugin)).proof()).authorization == "Bearer abc"


async def test_a_program_is_told_what_it_is_asked_for(login: Login) -> None:
    told = login.folder / "told"
    give = f"""printf '%s %s' "$A" "$KUBERNETES_EXEC_INFO" > {told}; echo '{{"status": {{"token": "abc"}}}}'"""
    plugin = login.plugin(give, env=[Variable("A", "b")], api_version="client.authentication.k8s.io/v1beta1")
    await asking(User(exec=plugin)).proof()
    variable, _, question = told.read_text().partition(" ")
    assert variable == "b"
    assert json.loads(question) == {
        "apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "spec": {"interactive": False},
    }  # fmt: skip


EXTENSION = {"extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}]}


def untold(cluster: dict[str, Any]) -> Any:
    return pytest.param(cluster)


@pytest.mark.real
@needs_kubectl
@pytest.mark.parametrize(
    "cluster",
    [
        {}, {"tls-server-name": "x"}, {"insecure-skip-tls-verify": True}, {"certificate-authority": "ca.crt"},
        untold({"proxy-url": "http://127.0.0.1:10"}), untold(EXTENSION),
    ],
    ids=range(6),
)  # fmt: skip
async def test_a_program_is_told_of_the_cluster_what_kubectl_tells(login: Login, cluster: dict[str, Any]) -> None:
    told = login.folder / "told"
    (login.folder / "ca.crt").write_text(Pki().pem)
    login.plugin(f"""printf '%s' "$KUBERNETES_EXEC_INFO" > {told}; echo '{{"status": {{"token": "abc"}}}}'""")
    plugin = {
        "command": "sh",
        "args": [str(login.script)],
        "apiVersion": "client.authentication.k8s.io/v1",
        "provideClusterInfo": True,
        "interactiveMode": "Never",
    }
    file = login.folder / "config"
    file.write_text(json.dumps({
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9/prefix", **cluster}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "current-context": "c",
    }))  # fmt: skip
    command = [str(KUBECTL), "get", "--raw", "/version", "--kubeconfig", str(file)]
    await asyncio.to_thread(
        subprocess.run, command, capture_output=True, timeout=30, stdin=subprocess.DEVNULL, check=False
    )
    theirs = json.loads(told.read_text())
    theirs["spec"]["cluster"] = {name: value for name, value in theirs["spec"]["cluster"].items() if value is not None}
    await Credentials(read_kubeconfig([file]).target(), SystemClock()).proof()
    assert json.loads(told.read_text()) == theirs
