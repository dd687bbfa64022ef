"""Flags mass-dialing lines as they dial: source -> decode -> features -> score -> alert -> sinks (pipeline.py)."""
