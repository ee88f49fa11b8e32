"""Where it goes: one folder for each outside system."""
