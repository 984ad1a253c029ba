"""What stops a command of the local stack, in words for the person at the keyboard."""


class LocalStackError(Exception):
    """Cannot go on; the message says why and what to do, and is shown as it is."""
