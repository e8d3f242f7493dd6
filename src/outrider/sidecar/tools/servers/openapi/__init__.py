"""HTTP services with an OpenAPI document: every operation is a tool."""
