"""How accounts are used, what of it is unusual, and the suspensions that follow (art. 7-2)."""
