"""The lines that a partner's own consultations left in the journal (art. 6-1)."""
