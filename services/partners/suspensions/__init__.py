"""Suspensions of a partner's or of one user's access (art. 7-2)."""
