"""Data sets: a table and a manifest that says how it becomes events, profiles and outcomes."""
