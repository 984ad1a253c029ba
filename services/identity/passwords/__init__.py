"""Passwords: which are acceptable (art. 4-3), and how they are hashed."""
