"""How fast and how well, measured side by side; never timed in tests."""
