"""Reading what landed in the detector's own topics."""
