"""Kubeconfig files are read and merged as kubectl does it, and a pod finds its own cluster."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.kube import kubeconfig
from outrider.ports.kube.kubeconfig import (
    Cluster,
    Target,
    User,
    find_target,
    kubeconfig_files,
    pod_target,
    read_kubeconfig,
)

COMPLETE = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://c:6443"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
    "current-context": "staging",
}


def written(folder: Path, name: str = "config", **changes: Any) -> Path:
    """A complete file with some changes; a part that is None is left out."""
    file = folder / name
    document = {key: value for key, value in {**COMPLETE, **changes}.items() if value is not None}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))
    return file


def test_the_current_context_is_the_target(tmp_path: Path) -> None:
    target = read_kubeconfig([written(tmp_path)]).target()
    assert target == Target("staging", Cluster(server="https://c:6443"), User(token="t"), "shop")


def test_a_context_without_a_namespace_means_the_default_one(tmp_path: Path) -> None:
    contexts = [{"name": "staging", "context": {"cluster": "c", "user": "u"}}]
    assert read_kubeconfig([written(tmp_path, contexts=contexts)]).target("staging").namespace == "default"


def test_of_two_values_of_one_name_the_first_file_wins(tmp_path: Path) -> None:
    first = written(tmp_path, "first", contexts=None, **{"current-context": None})
    second = written(
        tmp_path, "second", clusters=[{"name": "c", "cluster": {"server": "https://other", "tls-server-name": "x"}}],
        users=[{"name": "u", "user": {"username": "n", "password": "p"}}, {"name": "more", "user": {"token": "m"}}],
    )  # fmt: skip
    merged = read_kubeconfig([first, tmp_path / "absent", second])
    assert merged.target() == Target("staging", Cluster(server="https://c:6443"), User(token="t"), "shop")
    assert (sorted(merged.users), merged.files) == (["more", "u"], [first, second])
    assert merged.clusters["c"].tls_server_name == "", "two values are not mixed"
    third = written(tmp_path, "third", **{"current-context": "other"})
    assert [read_kubeconfig(files).current for files in ([first, third, second], [second, third])] == [
        "other",
        "staging",
    ]


def test_no_file_at_all_is_a_kubeconfig_without_anything(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert read_kubeconfig([tmp_path / "absent", empty]).contexts == {}


def test_the_files_are_those_of_the_environment() -> None:
    assert kubeconfig_files({"KUBECONFIG": "/a::b:"}) == [Path("/a"), Path("b")]
    assert kubeconfig_files({}) == kubeconfig_files({"KUBECONFIG": ""}) == [Path.home() / ".kube" / "config"]


def test_relative_paths_count_from_their_file(tmp_path: Path) -> None:
    user = {"client-certificate": "pki/me.crt", "client-key": "/abs/me.key", "tokenFile": "token"}
    plugin = {"exec": {"command": "./bin/login", "apiVersion": "client.authentication.k8s.io/v1"}}
    by_name = {"exec": {"command": "login"}}
    file = written(
        tmp_path / "deep", clusters=[{"name": "c",
        "cluster": {"server": "https://c", "certificate-authority": "../ca.crt"}}],
        users=[{"name": "u", "user": user}, {"name": "p", "user": plugin}, {"name": "n", "user": by_name}],
    )  # fmt: skip
    found = read_kubeconfig([written(tmp_path, "other", clusters=None, users=None), file])
    assert Path(found.clusters["c"].certificate_authority) == tmp_path / "deep" / ".." / "ca.crt"
    one = found.users["u"]
    assert [Path(path) for path in (one.client_certificate, one.client_key, one.token_file)] == [
        tmp_path / "deep/pki/me.crt", Path("/abs/me.key"), tmp_path / "deep/token",
    ]  # fmt: skip
    login, named = found.users["p"].exec, found.users["n"].exec
    assert login is not None
    assert named is not None
    assert (Path(login.command), named.command) == (tmp_path / "deep/bin/login", "login")


@pytest.mark.parametrize(
    "text",
    [
        b"hello", b"true", b"a: b: c", b"\0", b"clusters: {}", b"clusters: [7]", b"current-context: [a]", b"a: *b",
        b"users: &a [*a]", b"? [a]\n: b",
        b"contexts: [{name: 7}]", b"users: [{name: a, user: {token: 12}}]", b"x: !!python/object/apply:os.system [ls]",
        b"[" * 5000,
        *(
            pytest.param(text)
            for text in (b"\xff\xfe\x80", b"!!int x", b"x: !!timestamp x", b"x: " + b"9" * 5000)
        ),
    ],
    ids=lambda text: repr(text[:25]),
)  # fmt: skip
def test_a_file_that_is_none_is_refused_and_named(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(text)
    with pytest.raises(InvalidConfigError, match="no kubeconfig file") as caught:
        read_kubeconfig([file])
    assert str(file) in caught.value.message


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="Is a directory"):
        read_kubeconfig([tmp_path])


@given(st.text(st.sampled_from("ab: -[]{}\n'\"#&*!|>%@`,?~=<\t._")))
@settings(max_examples=150, deadline=None)
def test_whatever_a_file_holds_it_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config"
        file.write_text(text)
        try:
            read_kubeconfig([file])
        except InvalidConfigError as error:
            assert str(file) in error.message  # noqa: PT017 - most texts are refused, some are not


def test_a_context_that_is_not_there_is_told_from_a_near_one(tmp_path: Path) -> None:
    merged = read_kubeconfig([written(tmp_path)])
    with pytest.raises(NotFoundError, match="'stagign'") as caught:
        merged.target("stagign")
    assert caught.value.suggestions == ["did you mean 'staging'?"]
    assert str(tmp_path / "config") in caught.value.message


def test_without_a_current_context_it_is_said_how_to_select_one(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"current-context": None}
    with pytest.raises(NotFoundError, match="no cluster is selected") as caught:
        read_kubeconfig([written(tmp_path, **changes)]).target()
    assert any("outrider cluster up" in one for one in caught.value.suggestions)
    with pytest.raises(NotFoundError, match="no kubeconfig file"):
        read_kubeconfig([]).target()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"clusters": None}, "cluster 'c'"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "cluster 'c'"),
        ({"users": []}, "user 'u'"),
        ({"contexts": [{"name": "staging", "context": {"cluster": "c"}}]}, "user ''"),
    ],
)
def test_a_context_that_names_what_is_not_there_is_refused(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidConfigError, match=what) as caught:
        read_kubeconfig([written(tmp_path, **changes)]).target()
    assert "'staging'" in caught.value.message


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "config"
    for text in (
        "users: [{name: a, user: {token: s3cr3t",
        "users: [{name: a, user: {password: 's3cr3t}}]",
        "users: [{name: [], user: {token: s3cr3t}}]",
    ):
        file.write_text(text)
        with pytest.raises(InvalidConfigError) as caught:
            read_kubeconfig([file])
        assert "s3cr3t" not in str(caught.value.body())


class TestPod:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "8443")
        for name, text in (("token", "secret"), ("ca.crt", "-"), ("namespace", "shop\n")):
            (tmp_path / name).write_text(text)
        return tmp_path

    def test_it_finds_its_own_cluster(self, folder: Path) -> None:
        cluster = Cluster(server="https://10.96.0.1:8443", certificate_authority=str(folder / "ca.crt"))
        assert pod_target(folder) == Target("in-cluster", cluster, User(token_file=str(folder / "token")), "shop")

    def test_an_address_of_ipv6_stands_in_brackets(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00:10:96::1")
        monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
        (folder / "namespace").unlink()
        target = pod_target(folder)
        assert target is not None
        assert (target.cluster.server, target.namespace) == ("https://[fd00:10:96::1]:443", "default")

    def test_a_process_is_in_none_where_environment_or_token_is_missing(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "token").rename(folder / "other")
        assert pod_target(folder) is None
        (folder / "other").rename(folder / "token")
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
        assert pod_target(folder) is None

    def test_a_context_or_a_file_that_is_named_goes_before_it(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kubeconfig, "pod_target", lambda: pod_target(folder))
        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.setenv("HOME", str(folder))
        written(folder / ".kube")
        assert (find_target().name, find_target("staging").name) == ("in-cluster", "staging")
        monkeypatch.setenv("KUBECONFIG", str(written(folder, "named", **{"current-context": "staging"})))
        assert find_target().name == "staging"

    def test_an_empty_variable_names_no_file(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kubeconfig, "pod_target", lambda: pod_target(folder))
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("KUBECONFIG", "")
        assert find_target().name == "in-cluster"
