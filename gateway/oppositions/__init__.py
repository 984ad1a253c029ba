"""Oppositions that persons express to a partner (annexe 1)."""
