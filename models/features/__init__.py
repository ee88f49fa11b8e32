"""Which numbers describe a lead at an instant."""
