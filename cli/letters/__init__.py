"""Letters of a caisse to its partners, in French, as PDF: what is on them, how they are set, where they are written."""
