"""Tools for development and CI. Nothing here is deployed, and nothing here knows the component."""
