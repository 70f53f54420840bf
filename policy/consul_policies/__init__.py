"""Checks of the resources that a stack declares. Only `registration` imports Pulumi's policy SDK."""
