"""The compiled loops; each has a slow twin in tests/reference.py."""
