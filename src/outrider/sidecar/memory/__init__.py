"""The memory of AI agents: conversations, values by key, and texts by their vectors, in one of several databases."""
