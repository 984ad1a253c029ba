"""Drains the outboxes of partners and identity, and delivers what they hold by mail."""
