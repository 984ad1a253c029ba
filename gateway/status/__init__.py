"""Whether the service is open, and that of each caisse (art. 4-6, 5)."""
