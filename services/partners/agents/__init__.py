"""The agents of the caisses: habilitated by the director, one by one (art. 4-1)."""
