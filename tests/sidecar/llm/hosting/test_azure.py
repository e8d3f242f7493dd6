"""Azure OpenAI: paths, versions and keys, with OpenAI's own SDK as the witness."""

from urllib.parse import parse_qs

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.hosting.azure import Azure, azure_key_fields, azure_path
from tests.sidecar.llm.hosting.peer import Asked, Peer

DATE = "2024-10-21"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.c2ln"
CHAT = b"/v1/chat/completions"
AT_DEPLOYMENT = b"/openai/deployments/gpt/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("base", "path", "version", "wanted"),
    [
        (b"/openai/v1", CHAT, "", b"/openai/v1/chat/completions"),
        (b"", CHAT, "", b"/openai/v1/chat/completions"),
        (b"/openai", CHAT + b"?x=1", "", b"/openai/v1/chat/completions?x=1"),
        (b"/openai/v1", b"/v1/responses", "preview", b"/openai/v1/responses?api-version=preview"),
        (b"/gate/openai/v1", b"/v1/embeddings", "", b"/gate/openai/v1/embeddings"),
        (b"", CHAT, DATE, AT_DEPLOYMENT),
        (b"/openai/v1/", CHAT, DATE, AT_DEPLOYMENT),
        (b"/openai/deployments/other", CHAT, DATE, AT_DEPLOYMENT),
        (b"/openai", b"/v1/embeddings", DATE, b"/openai/deployments/gpt/embeddings?api-version=2024-10-21"),
        (b"/openai", b"/v1/responses", "2025-04-01-preview", b"/openai/responses?api-version=2025-04-01-preview"),
        (b"", CHAT + b"?x=1&api-version=1&api%2Dversion=2&y", DATE, AT_DEPLOYMENT.replace(b"?", b"?x=1&y&")),
    ],
)
def test_paths(base: bytes, path: bytes, version: str, wanted: bytes) -> None:
    assert azure_path(base, path, model="gpt", api_version=version) == wanted


def test_the_name_of_a_deployment_stays_one_segment() -> None:
    assert azure_path(b"", CHAT, model="a/b ä", api_version=DATE).startswith(
        b"/openai/deployments/a%2Fb%20%C3%A4/chat/"
    )
    for model in ("", ".", ".."):
        with pytest.raises(InvalidConfigError, match="deployment"):
            Azure(b"", DATE).request(CHAT, [], b"{}", model=model)


def test_a_key_or_a_token() -> None:
    assert azure_key_fields("0a" * 16) == [(b"api-key", b"0a" * 16)]
    assert azure_key_fields(TOKEN) == [(b"authorization", b"Bearer " + TOKEN.encode())]
    assert azure_key_fields("eyJ-a-key-without-dots")[0][0] == b"api-key"


def test_a_provider() -> None:
    host = Azure(b"/openai/v1")
    asked = host.request(CHAT, [(b"a", b"b")], b'{"model":"gpt"}', model="gpt")
    assert (asked.path, asked.fields, asked.body) == (
        b"/openai/v1/chat/completions",
        [(b"a", b"b")],
        b'{"model":"gpt"}',
    )
    assert host.fields_at_send(asked, b"h", 0.0) == []
    host.use_key("k\n")
    assert host.fields_at_send(asked, b"h", 0.0) == [(b"api-key", b"k")]
    assert (host.status(429, []), host.read(429, [])) == (429, None)


@pytest.mark.parametrize("key", ["", " \n", "a\nb", "kä"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(InvalidConfigError, match="cannot be sent"):
        Azure(b"").use_key(key)


@pytest.mark.parametrize("version", ["2024 10", "2024&x=1", "-", "?"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(InvalidConfigError, match="version"):
        Azure(b"", version)


@pytest.mark.real
@pytest.mark.parametrize("key", ["0a" * 16, TOKEN])
@pytest.mark.parametrize("version", ["", DATE])
@pytest.mark.parametrize(
    ("way", "path"), [("chat", CHAT), ("embeddings", b"/v1/embeddings"), ("responses", b"/v1/responses")]
)
def test_the_sdk_asks_the_same(peer: Peer, way: str, path: bytes, version: str, key: str) -> None:
    peer.answer_with(b'{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}]}')
    asked = Asked(peer.ask("with_azure", version, "gpt-5.4", way, key))
    host = Azure(b"", version)
    host.use_key(key)
    ours = host.request(path, [], asked.body, model="gpt-5.4")
    theirs, _, query = asked.target.partition(b"?")
    assert ours.path.partition(b"?")[0] == theirs
    assert parse_qs(ours.path.partition(b"?")[2]) == parse_qs(query)
    for name, value in host.fields_at_send(ours, b"h", 0.0):
        # OpenAI's own client, with which the v1 API is asked, knows bearers only; Azure takes a key either way.
        assert asked.field(name if version else b"authorization") in (value, b"Bearer " + value)
