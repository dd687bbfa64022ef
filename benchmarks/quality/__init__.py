"""How well: real people with dialers laid over them, and generated suites."""
