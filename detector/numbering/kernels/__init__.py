"""The compiled loops of numbering; each has a slow twin in tests/numbering."""
