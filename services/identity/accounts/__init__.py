"""Accounts, as caisse agents make and end them (art. 4-1, 4-2, 5)."""
