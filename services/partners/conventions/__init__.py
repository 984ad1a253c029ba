"""Conventions: when one has effect, renews itself and is over (art. 9)."""
