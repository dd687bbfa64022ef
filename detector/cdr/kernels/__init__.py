"""Looking at the bytes of records eight at a time."""
