"""Changes that a running cluster would not survive, and the guard that refuses them."""
