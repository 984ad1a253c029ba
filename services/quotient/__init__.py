"""quotient: dossiers and quotients familiaux, oppositions, the journal of disclosures (art. 3, 6-3, annexe 1).

Three subjects, each with the same rooms: `dossiers`, `oppositions`, `disclosures`.
"""
