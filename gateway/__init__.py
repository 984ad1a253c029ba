"""What partners reach: the edge (Envoy) and, behind it, the policy of every public call."""
