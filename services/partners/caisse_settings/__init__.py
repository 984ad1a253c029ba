"""What a caisse decides about its service: what it asks of a consultation, and its maintenances (art. 5)."""
