"""Tokens for servers of tools, from an authorization server (OAuth 2)."""
