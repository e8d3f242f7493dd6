"""Finds tools by what they do, where an agent has too many to be told of all."""
