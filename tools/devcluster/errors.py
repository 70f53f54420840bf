"""The one error the person at the terminal gets to see."""


class DevclusterError(Exception):
    """Says what went wrong and what to do about it, in words for the person who ran the command."""
