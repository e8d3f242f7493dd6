"""Agents of a platform for others that speak A2A: cards, messages and tasks. Nothing of HTTP is known here."""
