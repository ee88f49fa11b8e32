"""Scores → a CRM account: when, in which batches, at which pace, and what an answer means. Pure but for `courier`."""
