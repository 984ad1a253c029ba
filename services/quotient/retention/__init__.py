"""How long the journal's lines are kept, and the months in which they lie."""
