"""A call and its answer in no provider's dialect: each dialect is read into this form and written from it.

Thinking has no place in it. Its signatures mean nothing to another provider, so it is dropped from the history of a conversation,
and it is not shown to a client of another dialect. Its tokens count in the usage.
"""

from typing import Any, Literal

import msgspec

from outrider.sidecar.llm.usage import Usage

Document = dict[str, Any]
Role = Literal["system", "user", "assistant"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
NO_PARAMETERS: Document = {"type": "object", "properties": {}}
Reason = Literal["stop", "length", "calls", "refused"]


class Text(msgspec.Struct):
    """Something said."""

    text: str


class Media(msgspec.Struct, kw_only=True):
    """An image or a PDF.

    Attributes:
        kind: Which of them.
        media_type: Of the data.
        data: In base64; empty where the address is given instead.
        url: Its address.
        name: Of the file.
    """

    kind: Literal["image", "pdf"]
    media_type: str = ""
    data: str = ""
    url: str = ""
    name: str = ""


class ToolCall(msgspec.Struct):
    """A call of a tool, its arguments as the JSON text that the model wrote."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct):
    """What a tool returned; it stands in a turn of the user."""

    id: str
    parts: list[Text | Media]
    is_error: bool = False


Part = Text | Media | ToolCall | ToolResult


class Turn(msgspec.Struct):
    """What one side said at a time: the next turn is another side's."""

    role: Role
    parts: list[Part]


class Tool(msgspec.Struct, kw_only=True):
    """A tool that the client offers.

    Attributes:
        name: As the model calls it.
        description: What it does.
        parameters: JSON Schema of its arguments.
        strict: Whether the arguments are made to fit; None where the client does not say.
    """

    name: str
    description: str = ""
    parameters: Document
    strict: bool | None = None


class Choice(msgspec.Struct):
    """Which tools the model is to call: as it likes, none, any, or the one that is named."""

    mode: Literal["auto", "none", "required", "one"]
    name: str = ""


class Format(msgspec.Struct, kw_only=True):
    """JSON that the answer is to be.

    Attributes:
        schema: Its JSON Schema; None for any object.
        name: Of the schema.
        description: What it is for.
        strict: Whether the answer is made to fit; None where the client does not say.
    """

    schema: Document | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Conversation(msgspec.Struct, kw_only=True):
    """A call of a model.

    Attributes:
        turns: What was said so far.
        tools: What the model may call.
        choice: Which of them; None where the client does not say.
        parallel: Whether it may call several at once; None where the client does not say.
        format: JSON that the answer is to be.
        max_tokens: How many tokens the answer may have.
        temperature: How freely tokens are chosen.
        top_p: Share of probability from which they are chosen.
        stop: Texts that end the answer.
        effort: How much to think.
        verbosity: How much to say.
        stream: Whether the answer comes in events.
    """

    turns: list[Turn]
    tools: list[Tool] = []
    choice: Choice | None = None
    parallel: bool | None = None
    format: Format | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: list[str] = []
    effort: Effort | None = None
    verbosity: str | None = None
    stream: bool = False


class Answer(msgspec.Struct, kw_only=True):
    """What a model answered: texts and calls, why it stopped, and what it used where the provider tells it."""

    id: str
    model: str
    parts: list[Text | ToolCall]
    reason: Reason
    usage: Usage | None


class Began(msgspec.Struct):
    """An answer in events has begun."""

    id: str
    model: str


class TextDelta(msgspec.Struct):
    """More of a text; the first one begins it, and ends the call before it."""

    text: str


class CallBegan(msgspec.Struct):
    """A call of a tool begins, which ends the part before it."""

    id: str
    name: str


class ArgumentsDelta(msgspec.Struct):
    """More of the arguments of the call that is open."""

    text: str


class PartEnded(msgspec.Struct):
    """The open text or call is whole."""


class Ended(msgspec.Struct):
    """The answer is whole, which ends its last part."""

    reason: Reason
    usage: Usage | None


class Failed(msgspec.Struct):
    """The answer ends with an error."""

    message: str


Event = Began | TextDelta | CallBegan | ArgumentsDelta | PartEnded | Ended | Failed


def add(turns: list[Turn], role: Role, parts: list[Part]) -> None:
    """Add what one side said: to its turn, if that is the last, or else as the next. Nothing said is no turn."""
    if not parts:
        return
    if turns and turns[-1].role == role:
        turns[-1].parts += parts
    else:
        turns.append(Turn(role, [*parts]))


def answer_reason(reason: Reason, *, calls: bool) -> Reason:
    """Return why an answer ended: some providers say of one that calls tools that it simply stopped."""
    return "calls" if calls and reason == "stop" else reason


def outcome(result: ToolResult) -> list[Text | Media]:
    """Return what a tool returned for dialects that have only words for its failure."""
    return [Text("The tool failed:"), *result.parts] if result.is_error else result.parts


def present(document: Document) -> Document:
    """Return a document without the keys that have no value."""
    return {key: value for key, value in document.items() if value is not None}


def text_of(parts: list[Part]) -> str:
    """Return what parts say, one below the other."""
    return "\n\n".join(part.text for part in parts if isinstance(part, Text))
