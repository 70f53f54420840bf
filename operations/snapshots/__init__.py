"""Save all data of a running Consul cluster in a file, and restore it in the same cluster or in another one."""
