"""Requests of responses, read and written."""

from typing import Any

from outrider.sidecar.llm.translation.neutral import (
    NO_PARAMETERS,
    Choice,
    Conversation,
    Document,
    Format,
    Media,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    add,
    outcome,
    present,
)
from outrider.sidecar.llm.translation.reading import (
    media_of,
    read_strictly,
    refuse,
    sent_by,
    texts,
    unsupported,
    url_of,
)
from outrider.sidecar.llm.translation.responses import wire


def read_request(document: Document) -> Conversation:
    """Return what a client asks.

    Raises:
        UnsupportedError: It asks for something that has no translation.
        InvalidConfigError: It is no request of responses.
    """
    request = read_strictly(_typed(document), wire.Request, wire.KEYS)
    text, reasoning = request.text or wire.TextSettings(), request.reasoning or wire.Reasoning()
    return Conversation(
        turns=_turns(request),
        tools=[_tool(tool, f"tools[{number}]") for number, tool in enumerate(request.tools or [])],
        choice=_choice(request.tool_choice),
        parallel=request.parallel_tool_calls,
        format=_format(text.format),
        max_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        effort=reasoning.effort,
        verbosity=text.verbosity,
        stream=request.stream is True,
    )


def _typed(document: Any) -> Any:
    """Return the request with the type of each message, which clients may leave out."""
    items = document.get("input") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return document
    typed = [{"type": "message", **item} if isinstance(item, dict) else item for item in items]
    return {**document, "input": typed}


def _turns(request: wire.Request) -> list[Turn]:
    turns: list[Turn] = []
    add(turns, "system", [*texts(request.instructions)])
    items = [wire.Message(role="user", content=request.input)] if isinstance(request.input, str) else request.input
    for number, item in enumerate(items):
        path = f"input[{number}]"
        match item:
            case wire.Message():
                role = "system" if item.role == "developer" else item.role
                parts = _parts(item.content, f"{path}.content")
                add(turns, role, sent_by(role, [*parts], f"{path}.content"))
            case wire.FunctionCall():
                refuse(f"{path}.async", item.is_async)
                add(turns, "assistant", [ToolCall(item.call_id, item.name, item.arguments)])
            case wire.FunctionCallOutput():
                add(turns, "user", [ToolResult(item.call_id, _parts(item.output, f"{path}.output"))])
    return turns


def _parts(content: Any, path: str) -> list[Text | Media]:
    if isinstance(content, str):
        return [*texts(content)]
    found = [_part(part, f"{path}[{number}]") for number, part in enumerate(content)]
    return [part for part in found if part != Text("")]


def _part(part: Any, path: str) -> Text | Media:
    match part:
        case wire.RefusalPart():
            return Text(part.refusal)
        case wire.InputImage():
            return media_of("image", part.image_url or "", f"{path}.image_url")
        case wire.InputFile():
            return media_of("pdf", part.file_url or part.file_data or "", f"{path}.file_data", part.filename or "")
    return Text(part.text)


def _tool(tool: wire.OfferedTool, path: str) -> Tool:
    refuse(f"{path}.defer_loading", tool.defer_loading)
    refuse(f"{path}.async", tool.is_async)
    return Tool(
        name=tool.name,
        description=tool.description or "",
        parameters=tool.parameters or NO_PARAMETERS,
        strict=tool.strict,
    )


def _choice(choice: Any) -> Choice | None:
    if isinstance(choice, wire.NamedChoice):
        return Choice("one", choice.name)
    return Choice(choice) if choice else None


def _format(wanted: wire.Format | None) -> Format | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return Format()
    return Format(
        schema=wanted.schema or {}, name=wanted.name, description=wanted.description or "", strict=wanted.strict
    )


def write_request(conversation: Conversation, model: str) -> Document:
    """Return what a provider is asked. It is told not to keep the conversation: the client could not ask it for it.

    Raises:
        UnsupportedError: The conversation holds something that this dialect cannot express.
    """
    if conversation.stop:
        raise unsupported("stop", conversation.stop, "leave the stop sequences out: OpenAI's responses have none")
    text = {"format": _written_format(conversation.format), "verbosity": conversation.verbosity}
    return present(
        {
            "model": model,
            "input": [item for turn in conversation.turns for item in _items(turn)],
            "tools": [_written_tool(tool) for tool in conversation.tools] or None,
            "tool_choice": _written_choice(conversation.choice),
            "parallel_tool_calls": conversation.parallel,
            "text": present(text) or None,
            "max_output_tokens": conversation.max_tokens,
            "temperature": conversation.temperature,
            "top_p": conversation.top_p,
            "reasoning": {"effort": conversation.effort} if conversation.effort else None,
            "stream": conversation.stream or None,
            "store": False,
        }
    )


def _items(turn: Turn) -> list[Document]:
    items: list[Document] = []
    said: list[Document] = []
    for part in turn.parts:
        if isinstance(part, ToolCall):
            items.append({"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments})
        elif isinstance(part, ToolResult):
            output = [_written_part(one) for one in outcome(part)]
            items.append({"type": "function_call_output", "call_id": part.id, "output": _simple(output)})
        elif turn.role == "assistant" and isinstance(part, Text):
            items.append({"type": "message", "role": "assistant", "content": part.text})
        else:
            said.append(_written_part(part))
    return items + ([{"type": "message", "role": turn.role, "content": said}] if said else [])


def _simple(parts: list[Document]) -> str | list[Document]:
    """Return what a tool returned as text, where it is one."""
    if not parts:
        return ""
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts


def _written_part(part: Text | Media) -> Document:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Media(kind="image"):
            return {"type": "input_image", "detail": "auto", "image_url": url_of(part)}
        case Media(url=""):
            return {"type": "input_file", "filename": part.name or "document.pdf", "file_data": url_of(part)}
    return {"type": "input_file", "file_url": part.url}


def _written_tool(tool: Tool) -> Document:
    # Where nothing is said, this dialect alone is strict.
    written = {
        "type": "function", "name": tool.name, "description": tool.description or None, "parameters": tool.parameters,
        "strict": tool.strict is True,
    }  # fmt: skip
    return present(written)


def _written_choice(choice: Choice | None) -> Any:
    if choice is None or choice.mode != "one":
        return choice and choice.mode
    return {"type": "function", "name": choice.name}


def _written_format(wanted: Format | None) -> Document | None:
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    written = {
        "type": "json_schema", "name": wanted.name or "answer", "description": wanted.description or None,
        "schema": wanted.schema, "strict": wanted.strict,
    }  # fmt: skip
    return present(written)
