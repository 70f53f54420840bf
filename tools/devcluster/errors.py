"""The error of the devcluster."""

from tools.errors import ToolError


class DevclusterError(ToolError):
    """The local cluster cannot do what was asked."""
