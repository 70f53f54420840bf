"""An image with the tag latest, and one without a tag."""

from tests.preview.policy_programs.cluster import cluster, deployment

cluster()
deployment("web", {"name": "latest", "image": "example/web:latest"}, {"name": "bare", "image": "registry:5000/web"})
