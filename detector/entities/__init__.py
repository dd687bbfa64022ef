"""Everything above a line: numbers, blocks, tenants, trunks, holders and destinations, judged minute by minute."""
