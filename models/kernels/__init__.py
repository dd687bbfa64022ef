"""Loops of models over many rows, compiled."""
