"""The project chores: `python3 dev.py demo`, `python3 dev.py test`."""
