"""Images that may be others tomorrow."""

from tests.preview.policy_programs.cluster import cluster, deployment

cluster()
deployment("web", {"name": "latest", "image": "example/web:latest"}, {"name": "bare", "image": "registry:5000/web"})
