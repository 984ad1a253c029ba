"""What happened to accounts and sessions: a record apart from the logs, append-only."""
