"""What clients of responses send."""

from typing import Any, Literal

import msgspec

from outrider.sidecar.llm.translation.neutral import Document, Effort
from outrider.sidecar.llm.translation.reading import Keys, Refusal, Strict

KEYS = Keys(
    left_out=frozenset(
        {
            "image", "max_tool_calls", "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
            "safety_identifier", "service_tier", "store", "stream_options", "truncation", "user",
        }
    ),
    refused={
        "access_programs": Refusal(),
        "background": Refusal((False,), "wait for the answer"),
        "background_options": Refusal(),
        "context_management": Refusal(([],)),
        "conversation": Refusal((), "send the whole conversation as input"),
        "moderation": Refusal(),
        "previous_response_id": Refusal((), "send the whole conversation as input"),
        "prompt": Refusal((), "send the text of the prompt as instructions"),
        "top_logprobs": Refusal((0,)),
    },
)  # fmt: skip


class _Part(Strict, tag_field="type", kw_only=True):
    prompt_cache_breakpoint: Any = None


class InputText(_Part, tag="input_text"):
    """Text of a message."""

    text: str


class OutputText(_Part, tag="output_text"):
    """Text that the model said, with what it had beside it."""

    text: str
    annotations: Any = None
    logprobs: Any = None


class RefusalPart(_Part, tag="refusal"):
    """Text by which the model refused."""

    refusal: str


class InputImage(_Part, tag="input_image"):
    """An image, by its data or address; `detail` only tunes."""

    image_url: str | None = None
    file_id: None = None
    detail: Any = None


class InputFile(_Part, tag="input_file"):
    """A file, by its data or address; `detail` only tunes."""

    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    file_id: None = None
    detail: Any = None


class _Item(Strict, tag_field="type", kw_only=True):
    id: Any = None
    status: Any = None


class Message(_Item, tag="message"):
    """What one side says; `phase` only says where in an answer it stood."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[InputText | InputImage | InputFile | OutputText | RefusalPart]
    phase: Any = None


class Caller(Strict):
    """Who called a tool: the model itself, and no program of it."""

    type: Literal["direct"]


class FunctionCall(_Item, tag="function_call"):
    """A call of a tool."""

    call_id: str
    name: str
    arguments: str
    caller: Caller | None = None
    namespace: None = None
    is_async: Any = msgspec.field(name="async", default=None)


class FunctionCallOutput(_Item, tag="function_call_output"):
    """What a tool returned."""

    call_id: str
    output: str | list[InputText | InputImage | InputFile]
    caller: Caller | None = None
    name: Any = None
    namespace: None = None


class ReasoningItem(msgspec.Struct, tag_field="type", tag="reasoning"):
    """What the model thought: nothing of it is read."""


Item = Message | FunctionCall | FunctionCallOutput | ReasoningItem


class OfferedTool(Strict):
    """A tool that the client offers."""

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: Document | None = None
    strict: bool | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: Any = None
    output_schema: Any = None
    is_async: Any = msgspec.field(name="async", default=None)


class NamedChoice(Strict):
    """The one tool to call."""

    type: Literal["function"]
    name: str


class Format(Strict):
    """What the answer is to be."""

    type: Literal["text", "json_object", "json_schema"]
    name: str = ""
    description: str | None = None
    schema: Document | None = None
    strict: bool | None = None


class TextSettings(Strict):
    """How the answer is written."""

    format: Format | None = None
    verbosity: str | None = None


class Reasoning(Strict):
    """How the model thinks; what is told of it goes to no client of another dialect."""

    effort: Effort | None = None
    mode: Literal["standard"] | None = None
    context: Any = None
    summary: Any = None
    generate_summary: Any = None


class Request(Strict, kw_only=True):
    """The keys of a request that are translated."""

    model: str = ""
    input: str | list[Item] = ""
    include: list[Literal["reasoning.encrypted_content"]] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    stream: bool | None = None
    temperature: float | None = None
    text: TextSettings | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | None = None
    tools: list[OfferedTool] | None = None
    top_p: float | None = None
