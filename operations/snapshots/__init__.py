"""Saves what a stack's Consul knows, and gives it back, to the same stack or to another one."""
