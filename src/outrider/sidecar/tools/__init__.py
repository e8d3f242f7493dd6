"""The tools of an agent: those of MCP servers and operations, at one endpoint."""
