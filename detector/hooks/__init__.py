"""From alerts to action: policy, limits, outbox, signed webhooks."""
