"""The base of all errors of the tools."""


class ToolError(Exception):
    """An error whose message tells the person at the terminal what went wrong and what to do."""
