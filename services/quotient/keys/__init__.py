"""The keys of the person index and of the coordonnées: which are in use, and how they change."""
