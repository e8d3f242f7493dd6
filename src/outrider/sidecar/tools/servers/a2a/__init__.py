"""Another agent as a tool, by A2A: its card, and tasks that are followed to their end."""
