"""What clients of messages send."""

from typing import Any, Literal

import msgspec

from outrider.sidecar.llm.translation.neutral import Document
from outrider.sidecar.llm.translation.reading import Keys, Refusal, Strict

KEYS = Keys(
    left_out=frozenset(
        {
            "cache_control", "diagnostics", "metadata", "service_tier", "speed", "top_k", "user_profile_id", "workspace_id",
        }
    ),
    refused={"container": Refusal(), "inference_geo": Refusal()},
)  # fmt: skip


class _Block(Strict, tag_field="type", kw_only=True):
    cache_control: Any = None


class TextBlock(_Block, tag="text"):
    """Text of a message, with the citations that the model had beside it."""

    text: str
    citations: Any = None


class Base64Source(Strict, tag_field="type", tag="base64"):
    """The data of an image or a document."""

    media_type: str
    data: str


class UrlSource(Strict, tag_field="type", tag="url"):
    """The address of an image or a document."""

    url: str


class ImageBlock(_Block, tag="image"):
    """An image of a message."""

    source: Base64Source | UrlSource
    transformations: Any = None


class Citations(Strict):
    """Whether the answer is to cite a document."""

    enabled: bool | None = None


class DocumentBlock(_Block, tag="document"):
    """A PDF of a message."""

    source: Base64Source | UrlSource
    title: str | None = None
    citations: Citations | None = None
    context: None = None


class Caller(Strict):
    """Who called a tool: the model itself, and no program of it."""

    type: Literal["direct"]


class ToolUseBlock(_Block, tag="tool_use"):
    """A call of a tool."""

    id: str
    name: str
    input: Document
    caller: Caller | None = None
    toolset_name: None = None


class ToolResultBlock(_Block, tag="tool_result"):
    """What a tool returned."""

    tool_use_id: str
    content: str | list[TextBlock | ImageBlock | DocumentBlock] | None = None
    is_error: bool | None = None
    toolset_name: None = None


class ThinkingBlock(msgspec.Struct, tag_field="type", tag="thinking"):
    """What the model thought: nothing of it is read."""


class RedactedThinkingBlock(msgspec.Struct, tag_field="type", tag="redacted_thinking"):
    """What the model thought, hidden."""


Block = TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock | RedactedThinkingBlock


class Message(Strict):
    """What one side says."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class OfferedTool(Strict):
    """A tool that the client offers, and none of those that Anthropic has."""

    name: str
    input_schema: Document
    description: str | None = None
    type: Literal["custom"] | None = None
    strict: bool | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    cache_control: Any = None
    defer_loading: Any = None
    eager_input_streaming: Any = None
    input_examples: Any = None


class Choice(Strict):
    """Which tools the model is to call."""

    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Schema(Strict):
    """What the answer is to be."""

    type: Literal["json_schema"]
    schema: Document


class OutputConfig(Strict):
    """How the answer is made."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Schema | None = None


class Thinking(Strict):
    """How the model thinks; what is told of it goes to no client of another dialect."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: Any = None


class Request(Strict, kw_only=True):
    """The keys of a request that are translated; those that choose tokens are of clients older than 2026-10-21."""

    model: str = ""
    max_tokens: int | None = None
    messages: list[Message]
    output_config: OutputConfig | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    system: str | list[TextBlock] | None = None
    temperature: float | None = None
    thinking: Thinking | None = None
    tool_choice: Choice | None = None
    tools: list[OfferedTool] | None = None
    top_p: float | None = None
