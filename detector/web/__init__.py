"""The NOC page: ledger of what landed, operations, templates."""
