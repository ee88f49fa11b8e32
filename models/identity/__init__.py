"""Which identifiers belong to one person: stitching that depends on what was seen, not on the order it came in."""
