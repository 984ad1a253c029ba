"""Dossiers: their coordonnées, the people they belong to, a QF per validity period (art. 3)."""
