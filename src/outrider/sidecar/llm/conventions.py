"""OpenTelemetry's names for what is told of models (semantic conventions for generative AI, in development): all of them stand here."""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
AGENT = "gen_ai.agent.name"
TOOL = "gen_ai.tool.name"
ERROR = "error.type"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name
DURATION = "gen_ai.client.operation.duration"
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - as above

# What the conventions call the endpoints.
OPERATIONS = {
    "chat": "chat", "responses": "chat", "messages": "chat", "completions": "text_completion", "embeddings": "embeddings",
    "embed_content": "embeddings", "generate_content": "generate_content", "stream_generate_content": "generate_content",
}  # fmt: skip
EXECUTE_TOOL, INVOKE_AGENT = "execute_tool", "invoke_agent"
