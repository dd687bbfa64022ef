"""The arrays and loops of the entity levels."""
