"""The certificate that a platform gives an AI agent, shown by its sidecar to servers behind an Envoy."""

from pathlib import Path

import pytest

from tests.platform.harness import eventually, running
from tests.platform.hook import Hook
from tests.platform.test_ai_agents import declare, done, result
from tests.ports.http.authority import Authority
from tests.servers.envoy import MutualEnvoy
from tests.servers.mcp_servers import McpServerProcess
from tests.servers.models import ModelServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
TRIAGE = "spiffe://outrider.local/tenant/default/agent/triage"
SHOP = "spiffe://outrider.test/ns/shop/sa/tools"
TOOL = """\
apiVersion: outrider.dev/v1alpha1
kind: Tool
metadata: {{name: shop}}
spec:
  version: 1.0.0
  transport: {{http: {{url: "{url}/mcp", ca: mesh.pem, mutualTls: {{server: "{server}"}}}}}}
"""


def test_servers_know_the_agent_by_its_certificate(hook: Hook, tmp_path: Path) -> None:
    folder = hook.platform.folder
    mesh = Authority(tmp_path, "mesh")
    (folder / "mesh.pem").write_text(mesh.pem)
    identity = mesh.issue("shop", uris=(SHOP,), dns=("localhost",))
    with McpServerProcess("mcp2", tmp_path / "mcp.log") as server, ModelServer("sk") as models:
        trusted = folder / ".outrider" / "orchestrator" / "ca.pem"
        tools, asked, others = (tmp_path / name for name in ("tools", "models", "others"))
        for one in (tools, asked, others):
            one.mkdir()
        port = int(models.url.rpartition(":")[2])
        common = {"identity": identity, "trusted": trusted}
        mine = MutualEnvoy(tools, upstream=server.port, caller=TRIAGE, **common)
        its = MutualEnvoy(asked, upstream=port, caller=TRIAGE, **common)
        foreign = MutualEnvoy(others, upstream=server.port, caller=TRIAGE.replace("triage", "other"), **common)
        provider = {
            "provider": "inner",
            "url": f"{its.url}/v1",
            "key": {"secret": "models"},
            "model": "m",
            "ca": "mesh.pem",
        }
        declare(
            hook,
            {"server": "shop", "tools": ["add"]},
            {"server": "far", "tools": ["add"]},
            llm={"routes": [{"alias": "default", "providers": [{**provider, "mutualTls": {"server": SHOP}}]}]},
        )
        text = (folder / "outrider.yaml").read_text()
        (folder / "models.key").write_text("sk")
        hook.platform.write(text.replace("spec: {groups:", "spec: {secrets: {models: {file: models.key}}, groups:"))
        hook.platform.write(TOOL.format(url=mine.url, server=SHOP), "shop.yaml")
        hook.platform.write(TOOL.replace("name: shop", "name: far").format(url=foreign.url, server=SHOP), "far.yaml")
        with running(hook.platform), mine, its, foreign:
            hook.post({"tools": [["shop_add", {"a": 1, "b": 2}]]})
            eventually(lambda: done(hook.platform, 1), seconds=30, what=hook.platform.logs())
            found = result(hook.platform)["result"]
            assert found["tools"] == [{"result": 3}]
            assert found["said"] == "Hello from far away"
            hook.post({"tools": [["far_add", {"a": 1, "b": 2}]]})
            eventually(lambda: done(hook.platform, 2), seconds=30, what=hook.platform.logs())
            (refused,) = result(hook.platform)["result"]["tools"]
            assert "refused this client's certificate" in refused["hint"], "it lets in somebody else"
