"""From raw records to batches of calls: one file a format; what cannot be read becomes a reject."""
