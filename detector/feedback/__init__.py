"""What people tell the detector, from `detector.feedback` to its effect on a shard, and the record of it."""
