"""Accounts that nobody uses any more: their users are warned, then they are disabled."""
