"""Tells identity how accounts are used (art. 7-2)."""
