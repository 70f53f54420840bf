"""The Consul agents: configuration files, servers and clients."""
