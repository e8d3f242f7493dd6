"""MCP clients that we did not write, before a service whose operations are not all listed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import mcp_client
from tests.servers.web_service import WebService
from tests.sidecar.process import Sidecar, started

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    folder = tmp_path_factory.mktemp("sidecar")
    (folder / "key").write_text("sk-virtual")
    with WebService() as service:
        settings = {
            "agent": "ana", "state": str(folder / "state"), "keys": [{"secret": "key"}],
            "secret_sources": {"key": {"file": str(folder / "key")}},
            "tools": {
                "servers": [{"name": "pets", "transport": "openapi", "version": "1", "document": service.document}],
                "grants": [{"server": "pets", "tools": ["*"]}], "search": {"list_up_to": 5},
            },
        }  # fmt: skip
        with started(folder, settings) as made:
            yield made


@pytest.mark.parametrize("client", ["mcp1", "mcp2"])
def test_a_client_calls_what_it_finds(sidecar: Sidecar, tmp_path: Path, client: str) -> None:
    seen = mcp_client.run(
        client,
        [
            ("find_tools", {"query": "say what pet was asked for", "limit": 2}),
            ("getPet", {"pet_id": "rex", "limit": 7}),
            ("find_tools", {"query": "", "limit": 2}),
        ],
        url=f"http://{sidecar.address}/mcp",
        token="sk-virtual",
    )
    assert [tool["name"] for tool in seen.tools] == ["find_tools"]
    found, called, refused = seen.results
    assert found.content["tools"][0]["name"] == "getPet"
    assert "pet_id" in found.content["tools"][0]["inputSchema"]["properties"]
    assert (called.failed, called.content["pet_id"], called.content["limit"]) == (False, "rex", 7)
    assert (refused.failed, refused.content["path"]) == (True, "query")
