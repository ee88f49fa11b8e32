"""One module for each protocol: what was sent in, events and bad events out."""
