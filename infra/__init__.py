"""What it stands on: settings, telemetry, the local stack."""
