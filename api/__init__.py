"""Who asks, and who is told: FastAPI over what was computed upstream."""
