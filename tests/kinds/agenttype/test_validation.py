"""What is said about an AgentType that cannot work, and where."""

from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.runtime.folders import ObjectFolder

AGENT = """apiVersion: outrider.dev/v1alpha1
kind: AgentType
metadata: {name: triage}
spec:
  agent: {command: [python3, a.py]}
"""
TOOL = """apiVersion: outrider.dev/v1alpha1
kind: Tool
metadata: {name: shop}
spec: {version: 1.2.0, transport: {http: {url: "https://shop.internal/mcp"}}}
"""


@pytest.mark.parametrize(
    ("more", "place", "said"),
    [
        ("  agent: {}", "spec.agent", "command or an image"),
        ("  agent: {command: [a], env: {OPENAI_API_KEY: x}}", "spec.agent.env.OPENAI_API_KEY", "is set by Outrider"),
        ("  agent: {command: [a], env: {OUTRIDER_X: x}}", "spec.agent.env.OUTRIDER_X", "is set by Outrider"),
        ("  agent: {command: [a], env: {PYTHONPATH: {secret: s}}}", "spec.agent.env.PYTHONPATH", "joined"),
        ("  agent: {command: [a], env: {1X: x}}", "spec.agent.env", "1X"),
        ("  llm: {guard: [{in: prompt}]}", "spec.llm.guard[0]", "looks for something"),
        ("  llm: {guard: [{detect: [email], do: refuse}]}", "spec.llm.guard[0].do", "only prompts"),
        ("  llm: {guard: [{detect: [emial]}]}", "spec.llm.guard[0].detect[0]", "emial"),
        ("  invocation: {mode: http}", "spec.invocation.port", "a server has a port"),
        ("  invocation: {port: 80}", "spec.invocation.port", "a job has none"),
        ("  invocation: {mode: http, port: 80, path: run}", "spec.invocation.path", "run"),
        ("  invocation: {queue: {stream: A, subject: a}}", "spec.invocation.queue", "only mode queue"),
        ("  invocation: {mode: queue, queue: {stream: a.b, subject: a}}", "spec.invocation.queue.stream", "a.b"),
        ("  invocation: {mode: queue, queue: {stream: A, subject: a b}}", "spec.invocation.queue.subject", "a b"),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: p, url: 'http://h/v1', mutualTls: {}}]}]}",
            "spec.llm.routes[0].providers[0].mutualTls",
            "no TLS",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: p, url: 'https://h/v1', mutualTls: {server: h}}]}]}",
            "spec.llm.routes[0].providers[0].mutualTls.server",
            "h",
        ),
        (
            "  invocation: {mode: queue, queue: {stream: OUTRIDER_RESULTS, subject: '>'}}",
            "spec.invocation.queue.stream",
            "platform's",
        ),
        ("  llm: {hooks: [{server: nope, tool: a}]}", "spec.llm.hooks[0].server", "no Tool is called 'nope'"),
        ("  size: tiny", "spec.size", "tiny"),
        ("  size: small\n  resources: {cpu: 1}", "spec.size", "by size or by resources"),
        ("  identity: {key: k}", "spec.identity", "certificate"),
        ("  agent: {image: a, folder: b}", "spec.agent", "an absolute path"),
        ("  wrapper: {runtime: java, hooks: [a.py]}", "spec.wrapper.hooks", "Python or Node.js"),
        ("  wrapper: {runtime: nodejs, packages: [six]}", "spec.wrapper.packages", "those of Python"),
        ("  wrapper: {packages: ['six @ http://h/six.whl']}", "spec.wrapper.packages[0]", "six @"),
        ("  wrapper: {packages: ['--index-url=x']}", "spec.wrapper.packages[0]", "--index-url"),
        ("  wrapper: {hooks: [a.sh]}", "spec.wrapper.hooks[0]", "a.sh"),
        ("  llm: {routes: [{alias: a}]}", "spec.llm.routes[0].providers", "nobody to ask"),
        (
            "  llm: {offline: {script: s}, routes: [{alias: a}, {alias: a}]}",
            "spec.llm.routes[1].alias",
            "two routes are called 'a'",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{ref: nope}]}]}",
            "spec.llm.routes[0].providers[0].ref",
            "no ModelProvider",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: openia}]}]}",
            "spec.llm.routes[0].providers[0]",
            "not known",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{url: 'http://h/v1'}]}]}",
            "spec.llm.routes[0].providers[0]",
            "no name",
        ),
        ("  memory: [{name: m, type: kv}, {name: m, type: vector}]", "spec.memory[1].name", "two memories"),
        ("  memory: [{name: m, type: kv, embedding: a}]", "spec.memory[0].embedding", "type: vector"),
        ("  memory: [{name: m, type: vector, embedding: a}]", "spec.memory[0].embedding", "no route is called 'a'"),
        (
            "  llm: {cache: {ttl: 1h, similar: {embedding: a}}}",
            "spec.llm.cache.similar.embedding",
            "no route is called 'a'",
        ),
        ("  llm: {cache: {ttl: 1h, similar: {}}}", "spec.llm.cache.similar", "embedding"),
        (
            "  llm: {cache: {ttl: 1h, similar: {embedding: a, similarity: 0.5}}}",
            "spec.llm.cache.similar.similarity",
            "0.8",
        ),
        ("  toolSearch: {embedding: a}", "spec.toolSearch.embedding", "no route is called 'a'"),
        ("  toolSearch: {listUpTo: -1}", "spec.toolSearch.listUpTo", "-1"),
        ("  toolSearch: {upTo: 1}", "spec.toolSearch", "upTo"),
        (
            "  memory: [{name: m, type: kv, summary: {route: a, above: 500, keep: 0}}]",
            "spec.memory[0].summary",
            "type: conversation",
        ),
        (
            "  memory: [{name: m, type: conversation, summary: {route: a, above: 500, keep: 0}}]",
            "spec.memory[0].summary.route",
            "no route is called 'a'",
        ),
        (
            "  memory: [{name: m, type: conversation, summary: {route: a, above: 499, keep: 0}}]",
            "spec.memory[0].summary.above",
            "500",
        ),
        (
            "  memory: [{name: m, type: conversation, summary: {route: a, above: 500, keep: 500}}]",
            "spec.memory[0].summary.keep",
            "less than 500",
        ),
        ("  memory: [{name: m, type: kv, store: {url: 'mysql://h/d'}}]", "spec.memory[0].store.url", "mysql://h/d"),
        ("  llm: {routes: [{alias: a, providers: [{provider: x, url: ftp://h}]}]}", "providers[0].url", "ftp://h"),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: azure}]}]}",
            "spec.llm.routes[0].providers[0]",
            "openai.azure.com",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: bedrock}]}]}",
            "spec.llm.routes[0].providers[0]",
            "add region",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: bedrock, region: eu-west-1, dialect: openai}]}]}",
            "spec.llm.routes[0].providers[0]",
            "anthropic",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: openai, region: eu-west-1}]}]}",
            "spec.llm.routes[0].providers[0]",
            "hosting: bedrock",
        ),
        (
            "  llm: {routes: [{alias: a, providers: [{provider: openai, apiVersion: 2024-10-21x}]}]}",
            "spec.llm.routes[0].providers[0]",
            "hosting: azure",
        ),
        ("  llm: {budget: {amount: 5}}", "spec.llm.budget.amount", "5.00 USD"),
        ("  llm: {budget: {amount: 5 usd}}", "spec.llm.budget.amount", "5.00 USD"),
        ("  llm: {budget: {amount: 5 USD, zone: Mars}}", "spec.llm.budget.zone", "Mars"),
        ("  llm: {budget: {amount: 5 USD, zone: ../x}}", "spec.llm.budget.zone", "../x"),
        ("  tools: [{operation: host.nothing}]", "spec.tools[0].operation", "no operation 'nothing'"),
        ("  tools: [{operation: nobody.nothing}]", "spec.tools[0].operation", "nobody"),
        ("  tools: [{}]", "spec.tools[0]", "exactly one of operation, server, capability"),
        ("  tools: [{operation: host.disk, server: a}]", "spec.tools[0]", "exactly one of"),
        ("  tools: [{operation: host.disk, tools: [a]}]", "spec.tools[0]", "an operation is one tool"),
        ("  tools: [{server: nope, tools: [a]}]", "spec.tools[0].server", "no Tool is called 'nope'"),
        ("  tools: [{capability: nope, tools: [a]}]", "spec.tools[0].capability", "has the capability 'nope'"),
        ("  tools: [{server: shop}]", "spec.tools[0].tools", "none is granted"),
        ("  tools: [{server: shop, version: '>=2', tools: [a]}]", "spec.tools[0].version", "another version"),
        ("  tools: [{server: shop, version: soon, tools: [a]}]", "spec.tools[0].version", "not a range"),
        ("  tools: [{operation: host.disk, when: 'arguments.'}]", "spec.tools[0].when", "arguments."),
        ("  resources: {processes: 0}", "spec.resources.processes", "0"),
    ],
)
def test_faults_are_told_with_their_place(tmp_path: Path, more: str, place: str, said: str) -> None:
    lines = AGENT.splitlines()[: 4 if more.startswith("  agent:") else 5]
    (tmp_path / "agent.yaml").write_text("\n".join([*lines, more]) + "\n")
    (tmp_path / "tool.yaml").write_text(TOOL)
    with pytest.raises(InvalidConfigError) as caught:
        ObjectFolder(tmp_path).read()
    error = caught.value
    told = f"{error.path} {error.message} {error.found} {error.expected} {error.suggestions}"
    assert place in told
    assert said in told
    assert "agent.yaml:" in error.source


def test_a_model_provider_needs_an_address(tmp_path: Path) -> None:
    head = AGENT.replace("AgentType", "ModelProvider").splitlines()[:3]
    (tmp_path / "known.yaml").write_text("\n".join([*head, "spec: {provider: anthropic}"]))
    ObjectFolder(tmp_path).read()
    (tmp_path / "known.yaml").write_text("\n".join([*head, "spec: {provider: somebody}"]))
    with pytest.raises(InvalidConfigError, match="address of provider 'somebody'"):
        ObjectFolder(tmp_path).read()
