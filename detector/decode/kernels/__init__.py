"""The compiled loops of decoding; each has a slow twin in tests/decode."""
