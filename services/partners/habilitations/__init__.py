"""Habilitations of named users (art. 4), and what they allow now."""
