"""The variables by which an unchanged program finds its sidecar."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.secrets import SecretRef
from outrider.kinds.agenttype.model import Wrapper
from outrider.kinds.agenttype.place import inside


class Joined(msgspec.Struct, frozen=True):
    """A text that ends with a secret."""

    before: str
    secret: SecretRef


Value = str | SecretRef | Joined
# The name under which the agent's own key is known; it opens the sidecar and nothing else.
AGENT_KEY = SecretRef("outrider-agent-key")
PREFIX = "OUTRIDER_"
# Base addresses as the SDKs take them: OpenAI's with the version, the others without.
_ADDRESSES = {
    "OPENAI_BASE_URL": "/v1",
    "OPENAI_API_BASE": "/v1",
    "ANTHROPIC_BASE_URL": "",
    "GOOGLE_GEMINI_BASE_URL": "",
}
# Google's SDK prefers this one to GEMINI_API_KEY, and complains where both are set.
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY")
# Where programs look for a way to other hosts; plain http is refused there with a word, in place of a network that is not there.
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
# The rendered value is joined with the program's own.
JOINED = ("PYTHONPATH", "NODE_OPTIONS", "NO_PROXY", "no_proxy")
# Below the shared folder.
PACKAGES = "packages"
_DIRECT = ("127.0.0.1", "localhost")


def reserved(name: str) -> bool:
    """Return whether a variable is the sidecar's, so that the program's author cannot set it."""
    return name in _ADDRESSES or name in _KEYS or name.startswith(PREFIX)


def environment(
    own: Mapping[str, Value],
    *,
    agent: str,
    address: str,
    shared: Path,
    work: Path,
    wrapper: Wrapper,
    port: int | None = None,
    tunnels: bool = False,
    telemetry: bool = False,
) -> dict[str, Value]:
    """Return the whole environment of a program.

    Args:
        own: Its own variables.
        agent: Name of the agent.
        address: `host:port` of the sidecar, as the program reaches it.
        shared: Folder with the wrapper, as the program sees it.
        work: The program's own folder.
        wrapper: What is put around it.
        port: On which it is to listen, if it is a server.
        tunnels: Whether its sidecar opens ways to other hosts.
        telemetry: Whether its sidecar takes OTLP.
    """
    gateway = f"http://{address}"
    made: dict[str, Value] = {name: gateway + path for name, path in _ADDRESSES.items()}
    made |= dict.fromkeys(_KEYS, AGENT_KEY)
    made |= {f"{PREFIX}AGENT": agent, f"{PREFIX}GATEWAY": gateway, f"{PREFIX}MCP_URL": f"{gateway}/mcp"}
    made |= {**dict.fromkeys(_PROXIES, gateway), "NODE_USE_ENV_PROXY": "1"} if tunnels else {}
    made |= _wrapped(own, shared, work, wrapper)
    for name in ("NO_PROXY", "no_proxy"):
        # One line, commas, no blanks: httpx refuses every call for anything else.
        made[name] = ",".join(dict.fromkeys([*_DIRECT, *filter(None, map(str.strip, _text(own, name).split(",")))]))
    usual = {"PORT": str(port)} if port is not None else {}
    if telemetry:
        made |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": gateway,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            # W3C Baggage, so a blank is encoded.
            "OTEL_EXPORTER_OTLP_HEADERS": Joined("authorization=Bearer%20", AGENT_KEY),
        }
        usual |= {"OTEL_SERVICE_NAME": agent}
    return {**usual, **own, **made}


def wraps(wrapper: Wrapper, runtime: str) -> bool:
    """Return whether the code for a runtime is put in; where it is another one, the variables do nothing."""
    return wrapper.runtime in ("auto", runtime)


def hook_file(shared: Path, number: int, hook: str) -> Path:
    """Return where a hook lies; its number keeps two of one name apart."""
    return shared / "hooks" / f"{number}-{Path(hook).name}"


def _wrapped(own: Mapping[str, Value], shared: Path, work: Path, wrapper: Wrapper) -> dict[str, Value]:
    made: dict[str, Value] = {}
    if wraps(wrapper, "python"):
        # An empty piece would put the working folder on the path.
        folders = [
            str(inside(shared, "wrapper/python")),
            *([str(inside(shared, PACKAGES))] if wrapper.packages else []),
        ]
        made["PYTHONPATH"] = ":".join([*folders, *filter(None, _text(own, "PYTHONPATH").split(":"))])
    if wraps(wrapper, "nodejs"):
        required = inside(shared, "wrapper/nodejs/outrider.cjs")
        made["NODE_OPTIONS"] = f'--require "{required}" {_text(own, "NODE_OPTIONS")}'.strip()
    if made:
        made[f"{PREFIX}WRAPPER_SEEN"] = str(inside(work, "seen"))
        hooks = [str(hook_file(shared, number, hook)) for number, hook in enumerate(wrapper.hooks)]
        made |= {f"{PREFIX}HOOKS": ":".join(hooks)} if hooks else {}
        made |= {f"{PREFIX}WRAPPER_REQUIRED": "1"} if wrapper.required else {}
    return made


def _text(own: Mapping[str, Value], name: str) -> str:
    value = own.get(name, "")
    return value if isinstance(value, str) else ""
