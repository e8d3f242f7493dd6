"""An operation of a document, as it is called."""

from typing import Any, Literal

import msgspec

from outrider.sidecar.tools.tool_server import Definition

Place = Literal["path", "query", "header", "cookie"]
Style = Literal["matrix", "label", "simple", "form", "spaceDelimited", "pipeDelimited", "deepObject", "cookie"]
Kind = Literal["json", "form", "multipart", "text"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter.

    Attributes:
        argument: As the agent calls it.
        name: As the service calls it.
        place: Where it is sent.
        style: How (OpenAPI, "Style Values").
        explode: Whether each member of a list or an object stands alone.
        reserved: Whether reserved characters are sent as they are.
        is_json: Whether its text is JSON, in place of a style.
        required: Whether it must be there.
        schema: JSON Schema of it.
    """

    argument: str
    name: str
    place: Place
    style: Style
    explode: bool
    reserved: bool = False
    is_json: bool = False
    required: bool = False
    schema: Any = True


class Encoding(msgspec.Struct, frozen=True):
    """How one property of a form is sent.

    Attributes:
        style: As that of a parameter of the query; None where the content type says it.
        explode: As that of a parameter.
        reserved: As that of a parameter.
        media: Its content type; empty for the usual one.
    """

    style: Style | None = None
    explode: bool = False
    reserved: bool = False
    media: str = ""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request.

    Attributes:
        media: Its content type.
        kind: How it is written.
        required: Whether it must be there.
        schema: JSON Schema of it.
        encodings: Of properties of a form.
        files: Properties of a form that are files.
    """

    media: str
    kind: Kind
    required: bool
    schema: Any
    encodings: dict[str, Encoding] = {}
    files: frozenset[str] = frozenset()


class Segment(msgspec.Struct, frozen=True):
    """What stands between two slashes of a path: texts, percent-encoded, and parameters."""

    parts: tuple[str | Parameter, ...]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation.

    Attributes:
        method: In capitals.
        segments: Of its path.
        parameters: All, in order.
        body: Of its request; None where it has none.
        unoffered: Names, in lower case, of parameters that the agent does not get.
        definition: As a tool.
    """

    method: str
    segments: tuple[Segment, ...]
    parameters: tuple[Parameter, ...]
    body: Body | None
    unoffered: frozenset[str] = frozenset()
    definition: Definition
