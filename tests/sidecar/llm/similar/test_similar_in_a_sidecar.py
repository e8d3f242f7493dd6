"""A sidecar that answers a program on a real SDK as it has answered something similar, by vectors from its own gateway."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers import llm_clients
from tests.sidecar.process import started

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
TEXT = "Hello from far away"


def settings(folder: Path, **llm: Any) -> dict[str, Any]:
    folder.mkdir()
    (folder / "key").write_text("sk-virtual")
    (folder / "key").chmod(0o600)
    (folder / "answers.yaml").write_text(yaml.safe_dump([{"say": TEXT}]))
    return {
        "agent": "ana", "state": str(folder / "state"), "keys": [{"secret": "key"}], "admin": "",
        "secret_sources": {"key": {"file": str(folder / "key")}}, "llm": llm,
    }  # fmt: skip


def test_a_program_on_an_sdk_gets_the_answer_to_a_similar_text(tmp_path: Path) -> None:
    script = str(tmp_path / "models" / "answers.yaml")
    routes: list[dict[str, Any]] = [{"alias": name, "providers": []} for name in ("chat", "embed")]
    models = settings(tmp_path / "models", routes=routes, offline=script)
    with started(tmp_path / "models", models) as provider:
        place = {"provider": "p", "dialect": "openai", "url": f"http://{provider.address}/v1", "key": {"secret": "key"}}
        routes = [{"alias": name, "providers": [place]} for name in ("chat", "embed")]
        cache = {"ttl": 3600, "similar": {"embedding": "embed"}}
        front = settings(tmp_path / "front", routes=routes, cache=cache, limits={"concurrent": 20})
        with started(tmp_path / "front", front) as sidecar:
            first = sidecar.call(model="chat", messages=[{"role": "user", "content": "Hello!"}])
            assert first[0] == 200
            found = llm_clients.ask(sidecar.address, "sk-virtual", openai="chat", **{"async": "chat"})
        assert found["openai"]["whole"] == found["openai"]["stream"] == found["async"]["whole"] == TEXT
        said = [(one["endpoint"], one["provider"]) for one in sidecar.ledger()]
        # The SDK asks `hello` once, and then twenty times at once.
        assert said.count(("chat", "cache")) == 21
        assert said.count(("embeddings", "p")) == 25
        assert len(provider.ledger()) == len(said) - 21
        assert "WARNING" not in (tmp_path / "front" / "log").read_text()
        assert not json.dumps(sidecar.ledger()).count("sk-virtual")
