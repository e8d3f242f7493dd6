"""CustomResourceDefinitions from Python types, for the kinds of one's own controllers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict, Unpack, get_args, get_origin

from outrider.core.errors import InvalidConfigError
from outrider.core.schema import convert
from outrider.ports.kube.definitions import CustomKind, definition
from outrider.ports.kube.structural import Schema, document_of, structural


class KindOptions(TypedDict, total=False):
    """What else may be said of a kind: see `CustomKind`."""

    plural: str
    short_names: Sequence[str]
    categories: Sequence[str]
    namespaced: bool
    columns: Mapping[str, str]
    list_keys: Mapping[str, Sequence[str]]
    selectable: Sequence[str]
    scale: bool


def crd(
    spec: Any,
    *,
    group: str,
    version: str = "v1",
    kind: str = "",
    status: Any = None,
    **options: Unpack[KindOptions],
) -> dict[str, Any]:
    """Return the CustomResourceDefinition of a kind whose spec is of a Python type.

    Constraints of `msgspec.Meta` become those of the schema, defaults are filled in by the server, and rules in CEL come from
    `Meta(extra_json_schema={"x-kubernetes-validations": [...]})`. What a schema of Kubernetes cannot say, such as a field that
    is a bool or a text, is left to whoever reads the objects.

    Args:
        spec: A msgspec struct, dataclass or TypedDict, or an annotated one.
        group: API group, a domain of yours.
        version: Such as v1alpha1.
        kind: As objects name it; the name of the type without `Spec` if empty.
        status: Type of the status, which is then written apart from the rest.
        **options: `plural`, `short_names`, `categories`, `namespaced`, `columns` (path by title), `list_keys` (which fields tell
            the items of a list apart, by its path), `selectable` (paths for field selectors), `scale`.

    Raises:
        InvalidConfigError: A type or an option is not to be had in a definition.
    """
    named = {"group": group, "version": version, "kind": kind or _name(spec).removesuffix("Spec"), **options}
    made, _ = definition(
        convert(_plain(named), CustomKind),
        _schema(spec, "spec"),
        _schema(status, "status") if status is not None else None,
    )
    return made


def _name(target: Any) -> str:
    shape = get_args(target)[0] if get_origin(target) is Annotated else target
    return str(getattr(shape, "__name__", shape))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple | set | frozenset) else value


def _schema(target: Any, path: str) -> Schema:
    try:
        document = document_of(target)
    except (TypeError, NotImplementedError) as error:
        raise InvalidConfigError(
            f"{path}: {error}", path=path, found=str(target), expected="a type with a JSON Schema"
        ) from error
    made, _ = structural(document, path=path)
    if made.get("type") != "object":
        raise InvalidConfigError(
            f"{path}: {_name(target)} has no fields", path=path, found=str(target), expected="a struct, dataclass or TypedDict"
        )  # fmt: skip
    return made
