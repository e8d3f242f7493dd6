"""Checks a plugin's `config` and `with`, and a tool's arguments, against the JSON Schemas of its plugin.yaml."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from outrider.core.errors import InvalidConfigError, OutriderError, did_you_mean, near_names
from outrider.core.schema import convert, describe
from outrider.core.secrets import SecretRef
from outrider.core.source import Path, format_path
from outrider.ports.secrets import Resolver
from outrider.runtime.plugins.manifest import PluginManifest

# Stands for the value of a secret while a configuration is checked.
_PLACEHOLDER = "secret"
_REASON_LIMIT = 300
_WORDS = {"string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false",
          "array": "a list", "object": "a mapping", "null": "null"}  # fmt: skip


def schema_faults(
    schema: dict[str, Any], value: Any, base: Path, *, secrets: bool = True
) -> Iterator[tuple[Path, OutriderError]]:
    """Yield each fault of `value` with its path.

    Args:
        schema: JSON Schema 2020-12.
        value: Plain data.
        base: Where the value stands in its document.
        secrets: Whether references of secrets may stand in it for text; what a program says is as it is.
    """
    import jsonschema  # noqa: PLC0415 - only who accepts configurations needs it

    hidden: list[Path] = []

    def hide(_: SecretRef, path: Path) -> str:
        hidden.append(path)
        return _PLACEHOLDER

    shown = map_secrets(value, hide) if secrets else value
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(shown), key=lambda error: [str(part) for part in error.absolute_path]):
        # What a secret holds is not known here; that it stands where text may stand is checked.
        if tuple(error.absolute_path) not in hidden or error.validator == "type":
            yield from _translate(error, base)


def map_secrets(value: Any, replace: Callable[[SecretRef, Path], Any], path: Path = ()) -> Any:
    """Return the value with each `{secret: NAME, key: K}` in it replaced.

    Args:
        value: Plain data.
        replace: Gets the reference and its path.
        path: Path of `value`.
    """
    if isinstance(value, dict):
        if isinstance(value.get("secret"), str) and value.keys() <= {"secret", "key"}:
            return replace(convert(value, SecretRef), path)
        return {key: map_secrets(item, replace, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [map_secrets(item, replace, (*path, index)) for index, item in enumerate(value)]
    return value


async def open_secrets(config: dict[str, Any], secrets: Resolver) -> dict[str, Any]:
    """Return a configuration with its secret references opened, for the pipe to the plugin and for nothing else."""

    def opened() -> dict[str, Any]:
        result: dict[str, Any] = map_secrets(config, lambda ref, _: secrets.resolve(ref.secret, ref.key).reveal())
        return result

    return await asyncio.to_thread(opened)


def declared_faults(manifest: PluginManifest) -> Iterator[tuple[Path, OutriderError]]:
    """Yield what is wrong with the schemas of a plugin.yaml itself, with the name of the field."""
    import jsonschema  # noqa: PLC0415 - see above

    for name, schema in [("configuration", manifest.configuration), *manifest.exchanged()]:
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            path = format_path((name, *error.absolute_path))
            yield (name,), InvalidConfigError(
                f"plugin '{manifest.id}': {path} is no JSON Schema: {error.message[:_REASON_LIMIT]}", found=describe(error.instance),
                expected="JSON Schema 2020-12", suggestions=[f"correct {path} in its plugin.yaml"],
            )  # fmt: skip


def with_defaults(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return the value with the defaults of the schema's properties filled in."""
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    return {**{name: field["default"] for name, field in properties.items() if "default" in field}, **value}


def _translate(error: Any, base: Path) -> Iterator[tuple[Path, OutriderError]]:
    path: Path = (*base, *error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for name in [name for name in error.instance if name not in known]:
            yield (*path, name), _unknown(path, name, error.instance[name], known)
    elif error.validator == "required":
        for name in [name for name in error.validator_value if name not in error.instance]:
            yield path, _missing(path, name, error)
    else:
        yield path, _wrong(path, error)


def _unknown(path: Path, name: str, value: Any, known: list[str]) -> OutriderError:
    return InvalidConfigError(
        f"{format_path(path)}: unknown field '{name}'",
        path=format_path((*path, name)),
        found=f"{name}: {describe(value)}",
        expected=", ".join(known) or "no field",
        suggestions=did_you_mean(name, known) or [f"remove '{name}'"],
    )


def _missing(path: Path, name: str, error: Any) -> OutriderError:
    misspelt = near_names(name, list(error.instance))
    field = error.schema.get("properties", {}).get(name, {})
    return InvalidConfigError(
        f"{format_path(path)}: field '{name}' is missing",
        path=format_path((*path, name)),
        found=", ".join(error.instance) or "nothing",
        expected=f"{name}: {field.get('description', 'a value')}",
        suggestions=[f"rename '{misspelt[0]}' to '{name}'"] if misspelt else [f"add '{name}'"],
    )


def _wrong(path: Path, error: Any) -> OutriderError:
    if error.validator == "enum":
        expected = "one of " + ", ".join(describe(option) for option in error.validator_value)
        suggestions = did_you_mean(str(error.instance), [str(option) for option in error.validator_value])
    elif error.validator == "type":
        types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        expected = " or ".join(_WORDS.get(str(name), str(name)) for name in types)
        suggestions = [f"write {expected}"]
    else:
        examples = error.schema.get("examples") if isinstance(error.schema, dict) else None
        expected = f"text such as {examples[0]}" if examples else f"{error.validator} {error.validator_value}"
        suggestions = [f"write {expected}"]
    return InvalidConfigError(
        f"{format_path(path)}: {describe(error.instance)} does not fit",
        path=format_path(path),
        found=describe(error.instance),
        expected=expected,
        suggestions=suggestions,
    )
