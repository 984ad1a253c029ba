"""What every server shares: lifecycle, configuration, mutual TLS, errors, telemetry, clock, database."""
