"""The rights of a person over her data: what is kept of her, and its erasure (art. 6-3, RGPD art. 15 and 17)."""
