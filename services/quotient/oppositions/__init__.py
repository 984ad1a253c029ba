"""Oppositions of allocataires to the consultation of their dossier (art. 6-3, annexe 1)."""
