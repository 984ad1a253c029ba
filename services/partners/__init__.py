"""Partners, their conventions and the habilitations of their users (art. 1, 4, 7-2, 9)."""
