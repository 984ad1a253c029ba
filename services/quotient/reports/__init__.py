"""How often QFs were consulted: counts, in which nobody stands."""
