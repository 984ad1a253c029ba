"""The register of partners (référentiel des tiers, art. 4-2) and their suspension (art. 7-2)."""
