"""What identity is told of the register's acts: never silently lost (N3)."""
