"""The disclosure of quotients to partners, and its journal (art. 3, 4-7, 6-3)."""
