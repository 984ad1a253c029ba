"""What makes a log tamper-evident: Merkle trees, signed checkpoints, proofs, and their verification offline (N7).

Nothing here reads a database or a network: the service that keeps the journal and whoever checks it use the same code.
"""
