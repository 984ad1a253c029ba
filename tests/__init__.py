"""Tests: unit (no I/O), integration (one part on real stores), e2e (the whole stack, as its users meet it)."""
