"""Outrider runs agents beside the systems they look after."""
