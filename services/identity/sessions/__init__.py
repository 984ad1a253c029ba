"""Sessions, from sign-in to sign-out (art. 4-3, 7-1)."""
