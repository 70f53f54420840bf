"""`python -m operations`: the same as the command `consul-cluster`."""

from operations.cli import app

app()
