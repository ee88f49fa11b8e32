"""What is added to an event from itself alone: each addition one small module, all of them in `registry`."""
