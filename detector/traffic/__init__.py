"""Seeded traffic for demos, training and measurement; never imported by the detector itself."""
