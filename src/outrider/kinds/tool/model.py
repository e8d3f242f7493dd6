from outrider.core.tool_endpoints import ToolEndpoint


class ToolSpec(ToolEndpoint, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A server of tools; AgentTypes grant what of it an agent may call."""
