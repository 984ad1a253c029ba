"""Access requests: the form of annexe 2, from its receipt to the decision (art. 4-1, 4-4)."""
