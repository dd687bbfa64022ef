"""Compiled loops over what a source read."""
