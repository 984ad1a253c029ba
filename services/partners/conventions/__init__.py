"""Conventions: the facts recorded of one, and where they make it stand on any day (art. 2, 9, 10)."""
