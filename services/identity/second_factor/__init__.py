"""The second factor of a user: one-time passwords of an authenticator app (RFC 6238), and recovery codes."""
