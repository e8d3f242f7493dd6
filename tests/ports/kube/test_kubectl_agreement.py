"""What kubectl reads from kubeconfig files is what we read, for whatever they hold."""

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.ports.kube.kubeconfig import read_kubeconfig
from tests.ports.kube.support import KUBECTL, needs_kubectl
from tests.ports.kube.test_kubeconfig import written

pytestmark = [pytest.mark.real, needs_kubectl]
NAMES = st.sampled_from(["a", "b", "prod east", "arn:aws:eks:1:2:cluster/x", "ä", "y", "1e3", "007"])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
DATA = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
PATHS = st.sampled_from(["/etc/one.pem", "/two"])
PLUGINS = st.fixed_dictionaries(
    {"command": st.sampled_from(["login", "/bin/login", ""]), "apiVersion": st.just("client.authentication.k8s.io/v1"),
    "interactiveMode": st.just("Never")},
    optional={"args": st.lists(TEXT, max_size=2),
    "env": st.lists(st.fixed_dictionaries({"name": TEXT, "value": TEXT}), max_size=2),
    "provideClusterInfo": st.booleans(), "installHint": TEXT},
)  # fmt: skip
PARTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "cluster": st.fixed_dictionaries({}, optional={
        "server": TEXT, "certificate-authority": PATHS, "certificate-authority-data": DATA,
        "insecure-skip-tls-verify": st.booleans(),
        "tls-server-name": TEXT, "proxy-url": TEXT, "disable-compression": st.booleans(),
    }),
    "user": st.fixed_dictionaries({}, optional={
        "token": TEXT, "tokenFile": PATHS, "client-certificate": PATHS, "client-certificate-data": DATA,
        "client-key": PATHS,
        "client-key-data": DATA, "username": TEXT, "password": TEXT, "exec": PLUGINS, "as": TEXT,
    }),
    "context": st.fixed_dictionaries({"cluster": NAMES, "user": NAMES}, optional={"namespace": TEXT}),
}  # fmt: skip


def kubectl_view(files: list[Path], *options: str) -> dict[str, Any]:
    """What kubectl reads from these files together."""
    environment = {"KUBECONFIG": os.pathsep.join(str(file) for file in files), "HOME": "/nonexistent"}
    command = [str(KUBECTL), "config", "view", "--raw", *options, "-o", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise InvalidConfigError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def named(part: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    entries = st.fixed_dictionaries({"name": NAMES, part: PARTS[part]})
    return st.lists(entries, max_size=3, unique_by=lambda entry: str(entry["name"]))


DOCUMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional={
    **{f"{part}s": named(part) | st.none() for part in PARTS}, "current-context": NAMES | st.just(""),
    "preferences": st.just({}),
    "kind": st.just("Config"), "apiVersion": st.just("v1"),
})  # fmt: skip
DUMPS = st.sampled_from([
    lambda document: json.dumps(document, ensure_ascii=False),
    lambda document: yaml.safe_dump(document, default_style='"', allow_unicode=True),
])  # fmt: skip


def plain(value: Any) -> Any:
    """Without fields that say nothing."""
    if isinstance(value, Mapping):
        shown = {key: plain(inner) for key, inner in value.items()}
        return {key: inner for key, inner in shown.items() if inner not in ("", False, None, [], {})}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def as_we_read(files: list[Path]) -> dict[str, Any]:
    merged = read_kubeconfig(files)
    parts = {"cluster": merged.clusters, "user": merged.users, "context": merged.contexts}
    return {part: plain(msgspec.to_builtins(found)) for part, found in parts.items()} | {"current": merged.current}


def as_kubectl_reads(files: list[Path]) -> dict[str, Any]:
    found = kubectl_view(files)
    for entry in found["users"] or ():
        entry["user"].pop("as", "")
    for entry in found["clusters"] or ():
        entry["cluster"].pop("disable-compression", "")
    parts = {part: {entry["name"]: entry[part] for entry in found[f"{part}s"] or ()} for part in PARTS}
    return {**{part: plain(entries) for part, entries in parts.items()}, "current": found["current-context"]}


@given(st.lists(st.tuples(DOCUMENTS, DUMPS) | st.none(), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_merged_is_what_kubectl_merges(documents: list[tuple[dict[str, Any], Any] | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(documents))]
        for file, one in zip(files, documents, strict=True):
            if one is not None:
                file.write_text(one[1](one[0]))
        assert as_we_read(files) == as_kubectl_reads(files)


def test_kubectl_finds_the_same_files_by_relative_paths(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "ca.crt").write_text("authority")
    (tmp_path / "deep" / "me.crt").write_text("me")
    file = written(
        tmp_path / "deep", clusters=[{"name": "c",
        "cluster": {"server": "https://c", "certificate-authority": "../ca.crt"}}],
        users=[{"name": "u", "user": {"client-certificate": "me.crt"}}],
    )  # fmt: skip
    ours, theirs = read_kubeconfig([file]), kubectl_view([file], "--flatten")
    for path, data in (
        (ours.clusters["c"].certificate_authority, theirs["clusters"][0]["cluster"]["certificate-authority-data"]),
        (ours.users["u"].client_certificate, theirs["users"][0]["user"]["client-certificate-data"]),
    ):
        assert Path(path).read_bytes() == base64.b64decode(data)


def untaken(text: str, why: str) -> Any:
    return pytest.param(text, id=f"{text[:60]} ({why})")


@pytest.mark.parametrize(
    "text",
    [
        "users: [{name: a, user: {exec: null}}]", "clusters:\n", "users: [{name: a}]",
        "current-context: a\ncurrent-context: b", "current-context: '2'",
        "unknown: 1\ncontexts: [{name: c, context: {cluster: a, user: b, more: [1]}}]",
        "clusters: [{name: a, cluster: {insecure-skip-tls-verify: yes}}]",
        untaken("current-context:", "null is not taken for nothing, as kubectl takes it"),
        untaken("contexts: [{name: c, context: {cluster: a, user: b, namespace: }}]",
        "null is not taken for nothing, as kubectl takes it"),
        untaken("users: [{name: a, user: {token: }}]", "null is not taken for nothing, as kubectl takes it"),
        untaken("clusters: [{name: a, cluster: }]", "null is not taken for nothing, as kubectl takes it"),
        untaken("contexts: [{name: c}]", "a context without content is refused"),
        untaken("clusters: [{name: c}]", "a cluster without content is refused"),
        untaken("current-context: 2026-01-02", "what YAML 1.1 takes for a date is not a string, as it is for kubectl"),
        untaken("current-context: 2026-13-99", "what YAML 1.1 takes for a date is a ValueError of Python"),
        untaken("current-context: 12:30",
        "what YAML 1.1 takes for a sexagesimal number is not a string, as it is for kubectl"),
    ],
)  # fmt: skip
def test_what_kubectl_takes_is_taken(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    assert as_we_read([file]) == as_kubectl_reads([file])


@pytest.mark.parametrize(
    "text",
    [
        "contexts: [{name: 12}]", "users: [{name: a, user: {token: 12}}]", "hello",
        untaken("clusters: [{name: a, cluster: {server: b}}, {name: a, cluster: {server: c}}]",
        "a name that stands twice in a file is not refused"),
        untaken("clusters: [{name: a, cluster: {insecure-skip-tls-verify: 'true'}}]", "a string is taken for a switch"),
        untaken("kind: Pod", "another kind is taken for a kubeconfig"),
        untaken("[]", "a list is taken for a kubeconfig"),
    ],
)  # fmt: skip
def test_what_kubectl_refuses_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(InvalidConfigError):
        kubectl_view([file])
    with pytest.raises(InvalidConfigError):
        read_kubeconfig([file])
