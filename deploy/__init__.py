"""How the suite is run: the embedded stack, the trace desk, and what production uses."""
