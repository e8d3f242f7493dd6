"""Models that a cloud hosts: how they are asked there, as pure functions; used where a provider is no ordinary one of its dialect."""
