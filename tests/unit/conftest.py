"""Hypothesis sets no limit of time for an example: on a busy machine, any example may take longer than its 200 ms."""

from hypothesis import settings

settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
