"""identity: accounts, passwords and sessions of habilitated users (art. 4-2, 4-3, 5, 7-1)."""
