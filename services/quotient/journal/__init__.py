"""The journal as evidence: its lines sealed in a Merkle tree, proofs of it, exports, time-stamps (N7)."""
