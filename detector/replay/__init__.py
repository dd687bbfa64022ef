"""History through the live code path, and reading its result."""
