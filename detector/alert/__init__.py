"""From score to alert: episodes of entities and their revisions."""
