"""The call record as it travels: columns, and one call as text."""
