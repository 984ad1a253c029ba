"""The second factor of a user: an authenticator app and recovery codes (art. 7-1)."""
