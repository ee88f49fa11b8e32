"""What moves: frozen types and the wire."""
