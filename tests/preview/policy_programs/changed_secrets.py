"""A Deployment with secrets in plain text. The provider writes it to a folder, so that `up` needs no cluster."""

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ContainerArgsDict

config = pulumi.Config()
password, token = config.require("password"), config.require("token")
labels = {"app": "caller"}
container: ContainerArgsDict = {
    "name": "web",
    "image": "example/web:1.0",
    "env": [{"name": "LOG_LEVEL", "value": config.require("level")}, {"name": "DB_PASSWORD", "value": password}],
    "args": ["-token", token, f"--password={password}"],
}
Deployment(
    "caller",
    metadata={"name": "caller"},
    spec={
        "selector": {"match_labels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    },
    opts=pulumi.ResourceOptions(provider=Provider("folder", render_yaml_to_directory=config.require("folder"))),
)
