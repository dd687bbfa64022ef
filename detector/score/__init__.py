"""From features to a score per line, and its reasons in words."""
