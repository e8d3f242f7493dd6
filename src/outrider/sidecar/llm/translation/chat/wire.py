"""What clients of chat completions send."""

from typing import Any, Literal

import msgspec

from outrider.sidecar.llm.translation.neutral import Document, Effort
from outrider.sidecar.llm.translation.reading import Keys, Refusal, Strict

KEYS = Keys(
    left_out=frozenset(
        {
            "frequency_penalty", "metadata", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options",
            "prompt_cache_retention", "safety_identifier", "seed", "service_tier", "store", "user",
        }
    ),
    refused={
        "audio": Refusal(),
        "function_call": Refusal(("none", "auto"), "use tool_choice"),
        "functions": Refusal(([],), "use tools"),
        "logit_bias": Refusal(({},)),
        "logprobs": Refusal((False,)),
        "modalities": Refusal((["text"],)),
        "moderation": Refusal(),
        "n": Refusal((1,), "ask for one answer at a time"),
        "top_logprobs": Refusal((0,)),
        "web_search_options": Refusal(),
    },
)  # fmt: skip


class _Part(Strict, tag_field="type", kw_only=True):
    prompt_cache_breakpoint: Any = None


class TextPart(_Part, tag="text"):
    """Text of a message."""

    text: str


class RefusalPart(_Part, tag="refusal"):
    """Text by which the model refused."""

    refusal: str


class ImageUrl(Strict):
    """Where an image is; `detail` only tunes."""

    url: str
    detail: Any = None


class ImagePart(_Part, tag="image_url"):
    """An image of a message."""

    image_url: ImageUrl


class File(Strict):
    """A file, by its data."""

    file_data: str | None = None
    filename: str | None = None


class FilePart(_Part, tag="file"):
    """A file of a message."""

    file: File


class CalledFunction(Strict):
    """What was called."""

    name: str
    arguments: str


class Call(Strict):
    """A call of a tool."""

    id: str
    function: CalledFunction
    type: Literal["function"] = "function"
    index: Any = None


class _Message(Strict, tag_field="role", kw_only=True):
    name: str | None = None


class System(_Message, tag="system"):
    """What the model is told to be."""

    content: str | list[TextPart]


class Developer(System, tag="developer"):
    """The newer name of the same."""


class User(_Message, tag="user"):
    """What the user says."""

    content: str | list[TextPart | ImagePart | FilePart]


class Assistant(_Message, tag="assistant"):
    """What the model said; as clients send back what they got, with the keys that were empty, and with its thinking."""

    content: str | list[TextPart | RefusalPart] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    annotations: Any = None
    reasoning_content: Any = None
    audio: None = None
    function_call: None = None


class ToolMessage(_Message, tag="tool"):
    """What a tool returned."""

    tool_call_id: str
    content: str | list[TextPart]


class Function(Strict):
    """What a tool is."""

    name: str
    description: str | None = None
    parameters: Document | None = None
    strict: bool | None = None


class OfferedTool(Strict):
    """A tool that the client offers."""

    function: Function
    type: Literal["function"]


class Named(Strict):
    """A name."""

    name: str


class NamedChoice(Strict):
    """The one tool to call."""

    function: Named
    type: Literal["function"]


class Schema(Strict):
    """A JSON Schema with its name."""

    name: str
    description: str | None = None
    schema: Document | None = None
    strict: bool | None = None


class ResponseFormat(Strict):
    """What the answer is to be."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None


class StreamOptions(Strict):
    """What a stream tells; padding against eavesdroppers is left out."""

    include_usage: bool | None = None
    include_obfuscation: Any = None


class Request(Strict, kw_only=True):
    """The keys of a request that are translated."""

    model: str = ""
    messages: list[System | Developer | User | Assistant | ToolMessage]
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    response_format: ResponseFormat | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    tools: list[OfferedTool] | None = None
    top_p: float | None = None
    verbosity: str | None = None


class StreamWish(msgspec.Struct):
    """Of a request, what the writer of its answer asks: whether a stream tells its usage."""

    stream_options: StreamOptions | None = None
