"""Requests of messages, read and written."""

import re
from typing import Any

from outrider.core.codec import encode
from outrider.sidecar.llm.translation.messages import wire
from outrider.sidecar.llm.translation.neutral import (
    Choice,
    Conversation,
    Document,
    Effort,
    Format,
    Media,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    add,
    present,
    text_of,
)
from outrider.sidecar.llm.translation.reading import (
    arguments_of,
    media_of,
    read_strictly,
    refuse,
    sent_by,
    texts,
    unsupported,
)

# This dialect must be told how long an answer may be.
MAX_TOKENS = 4096
# From so many tokens of thinking on, an effort is taken for more than low, and for high.
MEDIUM_BUDGET, HIGH_BUDGET = 4096, 16384
_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")
_PREFILL = "end with what the user says: only Anthropic goes on with a message of the assistant"


def read_request(document: Document) -> Conversation:
    """Return what a client asks.

    Raises:
        UnsupportedError: It asks for something that has no translation.
        InvalidConfigError: It is no request of messages.
    """
    request = read_strictly(document, wire.Request, wire.KEYS)
    output, choice = request.output_config or wire.OutputConfig(), request.tool_choice
    return Conversation(
        turns=_turns(request),
        tools=[_tool(tool, f"tools[{number}]") for number, tool in enumerate(request.tools or [])],
        choice=_choice(choice),
        parallel=None if choice is None or choice.disable_parallel_tool_use is None else not choice.disable_parallel_tool_use,
        format=Format(schema=output.format.schema, strict=True) if output.format is not None else None,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=request.stop_sequences or [],
        effort=output.effort or _effort(request.thinking),
        stream=request.stream is True,
    )  # fmt: skip


def _turns(request: wire.Request) -> list[Turn]:
    turns: list[Turn] = []
    add(turns, "system", _parts(request.system or "", "system"))
    for number, message in enumerate(request.messages):
        path = f"messages[{number}].content"
        add(turns, message.role, sent_by(message.role, _parts(message.content, path), path))
    if turns and turns[-1].role == "assistant":
        raise unsupported(f"messages[{len(request.messages) - 1}]", "a message of the assistant at the end", _PREFILL)
    return turns


def _parts(content: Any, path: str) -> list[Part]:
    if isinstance(content, str):
        return [*texts(content)]
    found = [_part(block, f"{path}[{number}]") for number, block in enumerate(content)]
    return [part for part in found if part is not None and part != Text("")]


def _part(block: wire.Block, path: str) -> Part | None:
    match block:
        case wire.TextBlock():
            return Text(block.text)
        case wire.ToolUseBlock():
            return ToolCall(block.id, block.name, encode(block.input).decode())
        case wire.ToolResultBlock():
            parts = _parts(block.content or "", f"{path}.content")
            said = [part for part in parts if isinstance(part, Text | Media)]
            return ToolResult(block.tool_use_id, said, block.is_error is True)
        case wire.ImageBlock():
            refuse(f"{path}.transformations", block.transformations)
            return _media("image", block.source, path)
        case wire.DocumentBlock():
            refuse(f"{path}.citations", block.citations and block.citations.enabled)
            return _media("pdf", block.source, path, block.title or "")
    return None


def _media(kind: Any, source: wire.Base64Source | wire.UrlSource, path: str, name: str = "") -> Media:
    url = source.url if isinstance(source, wire.UrlSource) else f"data:{source.media_type};base64,{source.data}"
    return media_of(kind, url, f"{path}.source", name)


def _tool(tool: wire.OfferedTool, path: str) -> Tool:
    refuse(f"{path}.defer_loading", tool.defer_loading)
    refuse(f"{path}.input_examples", tool.input_examples)
    return Tool(name=tool.name, description=tool.description or "", parameters=tool.input_schema, strict=tool.strict)


def _choice(choice: wire.Choice | None) -> Choice | None:
    match choice and choice.type:
        case "auto":
            return Choice("auto")
        case "none":
            return Choice("none")
        case "any":
            return Choice("required")
    return Choice("one", choice.name) if choice is not None else None


def _effort(thinking: wire.Thinking | None) -> Effort | None:
    """Return the effort that comes nearest to how the model is to think; None for as much as it likes."""
    if thinking is not None and thinking.type == "disabled":
        return "none"
    if thinking is None or thinking.budget_tokens is None:
        return None
    if thinking.budget_tokens < MEDIUM_BUDGET:
        return "low"
    return "medium" if thinking.budget_tokens < HIGH_BUDGET else "high"


def write_request(conversation: Conversation, model: str) -> Document:
    """Return what a provider is asked. What the system says later on goes to the top: only the newest models take it elsewhere.
    How much to say has no key here, and is left out.

    Raises:
        UnsupportedError: The conversation holds something that this dialect cannot express.
    """
    system = [text_of(turn.parts) for turn in conversation.turns if turn.role == "system"]
    return present(
        {
            "model": model,
            "max_tokens": conversation.max_tokens or MAX_TOKENS,
            "system": "\n\n".join(system) or None,
            "messages": _messages(conversation.turns),
            "tools": [_written_tool(tool) for tool in conversation.tools] or None,
            "tool_choice": _written_choice(conversation) if conversation.tools else None,
            "temperature": conversation.temperature,
            "top_p": conversation.top_p,
            "stop_sequences": conversation.stop or None,
            "output_config": _output_config(conversation),
            "thinking": {"type": "disabled"} if conversation.effort == "none" else None,
            "stream": conversation.stream or None,
        }
    )


def _messages(turns: list[Turn]) -> list[Document]:
    said: list[Turn] = []
    for turn in turns:
        if turn.role != "system":
            # A text of white space alone is refused; models write such texts before they call a tool.
            add(said, turn.role, [part for part in turn.parts if not isinstance(part, Text) or part.text.strip()])
    if not said:
        raise unsupported("messages", "nothing that the user says", "let the user say something")
    if said[-1].role == "assistant":
        raise unsupported("messages", "a message of the assistant at the end", _PREFILL)
    return [{"role": turn.role, "content": _content(turn)} for turn in said]


def _content(turn: Turn) -> list[Document]:
    # Results stand before whatever else the user says.
    parts = sorted(turn.parts, key=lambda part: not isinstance(part, ToolResult))
    return [_block(part) for part in parts]


def _block(part: Part) -> Document:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case ToolCall():
            arguments = arguments_of(part.arguments, f"arguments of the call {part.id} of {part.name}")
            return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": arguments}
        case ToolResult():
            content = [_block(one) for one in part.parts] or None
            failed = part.is_error or None
            return present({"type": "tool_result", "tool_use_id": _id(part.id), "content": content, "is_error": failed})
    return _written_media(part)


def _written_media(media: Media) -> Document:
    source = (
        {"type": "url", "url": media.url}
        if media.url
        else {"type": "base64", "media_type": media.media_type, "data": media.data}
    )
    if media.kind == "image":
        return {"type": "image", "source": source}
    return present({"type": "document", "source": source, "title": media.name or None})


def _id(call: str) -> str:
    """Return the id of a call as this dialect takes it: other providers make them of other letters too."""
    return _NO_ID.sub("_", call)


def _written_tool(tool: Tool) -> Document:
    written = {
        "name": tool.name, "description": tool.description or None, "input_schema": tool.parameters, "strict": tool.strict or None,
    }  # fmt: skip
    return present(written)


def _written_choice(conversation: Conversation) -> Document | None:
    choice, parallel = conversation.choice, conversation.parallel
    if choice is None and parallel is None:
        return None
    mode = choice.mode if choice is not None else "auto"
    written: Document = {"type": {"required": "any", "one": "tool"}.get(mode, mode)}
    if choice is not None and mode == "one":
        written["name"] = choice.name
    if parallel is not None and mode != "none":
        written["disable_parallel_tool_use"] = not parallel
    return written


def _output_config(conversation: Conversation) -> Document | None:
    effort = {"none": None, "minimal": "low"}.get(conversation.effort or "none", conversation.effort)
    wanted = conversation.format
    if wanted is not None and wanted.schema is None:
        raise unsupported(
            "response_format", "json_object", "give a JSON schema: Anthropic's messages know nothing else"
        )
    schema = {"type": "json_schema", "schema": wanted.schema} if wanted is not None else None
    return present({"effort": effort, "format": schema}) or None
