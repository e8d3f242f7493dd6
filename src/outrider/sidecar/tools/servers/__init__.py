"""Servers of tools: how each kind is reached. Adding one adds a module, and a line in `opening`."""
