"""Answers that are given again to a call whose last text says the same in other words."""
