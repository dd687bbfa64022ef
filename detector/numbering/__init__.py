"""Numbers: normal form, keys, class, blocks and their registry."""
