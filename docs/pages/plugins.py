"""The plugins that come with Outrider."""

from collections.abc import Iterator
from typing import Any

from docs.pages.fields import HEADER, schema_type
from docs.pages.markdown import anchor, code, fenced, sentence, table
from outrider.core.codec import encode
from outrider.data import data_folder
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.manifest import Plugin


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    found = Catalogue([data_folder("plugins")]).plugins()
    yield "# Plugins\n"
    yield "These come with Outrider. A plugin of the same type and id in the platform's `plugins/` folder takes precedence.\n"
    yield from table(("plugin", "type", "runtime", "what it does"), map(_row, found))
    for plugin in found:
        yield from _plugin(plugin)


def _heading(plugin: Plugin) -> str:
    return f"{plugin.manifest.id} ({plugin.manifest.type})"


def _row(plugin: Plugin) -> tuple[str, ...]:
    manifest = plugin.manifest
    return (f"[{manifest.id}]({anchor(_heading(plugin))})", manifest.type, manifest.runtime.type, manifest.summary)


def _plugin(plugin: Plugin) -> Iterator[str]:
    manifest = plugin.manifest
    yield f"## {_heading(plugin)}\n"
    yield sentence(manifest.summary) + "\n"
    yield from _schema("Configuration (`config:`)", manifest.configuration)
    if manifest.type == "action":
        yield from _schema("Input (`with:`)", manifest.input)
        yield f"Target for policies: {code(manifest.target or 'none')}. When its agent is lost: {code(manifest.on_lost)}.\n"
    if manifest.type == "tool":
        yield from _schema("Arguments", manifest.input)
        yield from _schema("Result", manifest.output or {})
        yield f"It {'only reads' if manifest.read_only else 'may change something'}.\n"
    yield from table(("may", "what"), _permissions(plugin))


def _permissions(plugin: Plugin) -> Iterator[tuple[str, str]]:
    granted, limits = plugin.manifest.permissions, plugin.manifest.limits
    yield "connect to", _names(granted.network.connect)
    yield "listen on", _names(granted.network.listen)
    yield "read", _names(granted.filesystem.read)
    yield "write", _names(granted.filesystem.write)
    yield "ask its agent for", _names(granted.operations)
    yield "use", f"{limits.memory.readable()}, {limits.processes} processes, {limits.cpu:g} of a core"


def _names(names: list[str]) -> str:
    return ", ".join(code(name) for name in names) or "nothing"


def _schema(title: str, schema: dict[str, Any]) -> Iterator[str]:
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if not properties:
        yield f"{title}: no fields.\n"
        return
    yield f"{title}:\n"
    required = schema.get("required", [])
    yield from table(HEADER, (_field(name, field, name in required) for name, field in properties.items()))
    if "oneOf" in schema:
        yield "Exactly one of these must hold:\n"
        yield from fenced(encode(schema["oneOf"]).decode(), "json")


def _field(name: str, field: dict[str, Any], required: bool) -> tuple[str, ...]:
    default = "required" if required else code(encode(field["default"]).decode()) if "default" in field else "none"
    example = f" Example: {code(str(field['examples'][0]))}." if field.get("examples") else ""
    return (code(name), schema_type(field), default, sentence(field.get("description", "")) + example)
