"""Requests of chat completions, read and written."""

from typing import Any

from outrider.sidecar.llm.translation.chat import wire
from outrider.sidecar.llm.translation.neutral import (
    NO_PARAMETERS,
    Choice,
    Conversation,
    Document,
    Format,
    Media,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    add,
    outcome,
    present,
)
from outrider.sidecar.llm.translation.reading import media_of, read_strictly, texts, unsupported, url_of


def read_request(document: Document) -> Conversation:
    """Return what a client asks.

    Raises:
        UnsupportedError: It asks for something that has no translation.
        InvalidConfigError: It is no request of chat completions.
    """
    request = read_strictly(document, wire.Request, wire.KEYS)
    return Conversation(
        turns=_turns(request.messages),
        tools=[_tool(tool.function) for tool in request.tools or []],
        choice=_choice(request.tool_choice),
        parallel=request.parallel_tool_calls,
        format=_format(request.response_format),
        max_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        effort=request.reasoning_effort,
        verbosity=request.verbosity,
        stream=request.stream is True,
    )


def _turns(messages: list[Any]) -> list[Turn]:
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for number, message in enumerate(messages):
        path = f"messages[{number}]"
        role = message.__struct_config__.tag
        # One name says nothing; by two, the model tells apart who speaks.
        if message.name is not None and role != "tool" and names.setdefault(role, message.name) != message.name:
            raise unsupported(f"{path}.name", message.name, "let one name speak for each role")
        match message:
            case wire.System():
                add(turns, "system", _parts(message.content, path))
            case wire.User():
                add(turns, "user", _parts(message.content, path))
            case wire.ToolMessage():
                add(turns, "user", [ToolResult(message.tool_call_id, _result(message.content))])
            case wire.Assistant():
                add(turns, "assistant", _said(message, path))
    return turns


def _parts(content: Any, path: str) -> list[Part]:
    if content is None or isinstance(content, str):
        return [*texts(content)]
    found = [_part(part, f"{path}.content[{number}]") for number, part in enumerate(content)]
    return [part for part in found if part != Text("")]


def _part(part: Any, path: str) -> Part:
    match part:
        case wire.TextPart():
            return Text(part.text)
        case wire.RefusalPart():
            return Text(part.refusal)
        case wire.ImagePart():
            return media_of("image", part.image_url.url, f"{path}.image_url.url")
    return media_of("pdf", part.file.file_data or "", f"{path}.file.file_data", part.file.filename or "")


def _result(content: str | list[wire.TextPart]) -> list[Text | Media]:
    if isinstance(content, str):
        return [*texts(content)]
    return [Text(part.text) for part in content if part.text]


def _said(message: wire.Assistant, path: str) -> list[Part]:
    calls = [ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or []]
    return [*_parts(message.content, path), *texts(message.refusal), *calls]


def _tool(function: wire.Function) -> Tool:
    return Tool(
        name=function.name,
        description=function.description or "",
        parameters=function.parameters or NO_PARAMETERS,
        strict=function.strict,
    )


def _choice(choice: str | wire.NamedChoice | None) -> Choice | None:
    if isinstance(choice, wire.NamedChoice):
        return Choice("one", choice.function.name)
    match choice:
        case "auto" | "none" | "required":
            return Choice(choice)
    return None


def _format(wanted: wire.ResponseFormat | None) -> Format | None:
    if wanted is None or wanted.type == "text":
        return None
    schema = wanted.json_schema
    if wanted.type == "json_object" or schema is None:
        return Format()
    return Format(
        schema=schema.schema or {}, name=schema.name, description=schema.description or "", strict=schema.strict
    )


def write_request(conversation: Conversation, model: str) -> Document:
    """Return what a provider is asked. Streams are asked to tell their usage: other dialects always tell it.

    Raises:
        UnsupportedError: The conversation holds something that this dialect cannot express.
    """
    return present(
        {
            "model": model,
            "messages": [message for turn in conversation.turns for message in _messages(turn)],
            "tools": [_written_tool(tool) for tool in conversation.tools] or None,
            "tool_choice": _written_choice(conversation.choice),
            "parallel_tool_calls": conversation.parallel,
            "response_format": _written_format(conversation.format),
            "max_completion_tokens": conversation.max_tokens,
            "temperature": conversation.temperature,
            "top_p": conversation.top_p,
            "stop": conversation.stop or None,
            "reasoning_effort": conversation.effort,
            "verbosity": conversation.verbosity,
            "stream": conversation.stream or None,
            "stream_options": {"include_usage": True} if conversation.stream else None,
        }
    )


def _messages(turn: Turn) -> list[Document]:
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    said = [part for part in turn.parts if isinstance(part, Text | Media)]
    messages: list[Document] = [
        {"role": "tool", "tool_call_id": result.id, "content": _written_result(result)} for result in results
    ]
    if calls:
        written = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
        messages.append({"role": turn.role, "content": _content(said) or None, "tool_calls": written})
    elif said:
        messages.append({"role": turn.role, "content": _content(said)})
    return messages


def _content(parts: list[Text | Media]) -> str | list[Document]:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_written_part(part) for part in parts]


def _written_part(part: Text | Media) -> Document:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.kind == "image":
        return {"type": "image_url", "image_url": {"url": url_of(part)}}
    if part.url:
        raise unsupported("document.source.url", part.url, "send the data of the PDF: OpenAI's chat fetches none")
    return {"type": "file", "file": {"filename": part.name or "document.pdf", "file_data": url_of(part)}}


def _written_result(result: ToolResult) -> str | list[Document]:
    media = [part for part in result.parts if isinstance(part, Media)]
    if media:
        raise unsupported(
            f"result of {result.id}", media[0].kind, "let tools return text: OpenAI's chat knows nothing else"
        )
    return _content(outcome(result)) or ""


def _written_tool(tool: Tool) -> Document:
    function = {
        "name": tool.name, "description": tool.description or None, "parameters": tool.parameters, "strict": tool.strict,
    }  # fmt: skip
    return {"type": "function", "function": present(function)}


def _written_choice(choice: Choice | None) -> Any:
    if choice is None or choice.mode != "one":
        return choice and choice.mode
    return {"type": "function", "function": {"name": choice.name}}


def _written_format(wanted: Format | None) -> Document | None:
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    schema = {
        "name": wanted.name or "answer", "description": wanted.description or None, "schema": wanted.schema, "strict": wanted.strict,
    }  # fmt: skip
    return {"type": "json_schema", "json_schema": present(schema)}
