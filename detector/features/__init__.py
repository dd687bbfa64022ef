"""What is remembered of each line and what is measured on it."""
