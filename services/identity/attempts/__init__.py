"""Attempts to sign in: how guessing is slowed and stopped."""
