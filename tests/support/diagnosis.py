"""What is left of a failed end-to-end test, whose Kubernetes is gone when somebody reads of the failure."""

from tests.support.consul import Consul
from tools.devcluster.cluster import Cluster
from tools.devcluster.errors import DevclusterError

EVENTS = 60
LOG_LINES = 25


def diagnosis(cluster: Cluster) -> str:
    """Return all pods, the last events, and the last log lines of all pods that this project or its tests made.

    If Kubernetes does not answer, return its error: the report of the failed test must not fail itself.
    """

    def kubectl(*arguments: str, namespace: str = "default", check: bool = False) -> str:
        return Consul(cluster.kubeconfig, namespace).kubectl("--request-timeout=10s", *arguments, check=check)

    try:
        pods = kubectl("get", "pods", "--all-namespaces", "--output=wide", check=True)
    except (DevclusterError, AssertionError) as error:
        return str(error)
    events = kubectl("get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp")
    parts = [pods, "\n".join(events.splitlines()[-EVENTS:])]
    for namespace, pod in (line.split()[:2] for line in pods.splitlines()[1:]):
        if namespace != "kube-system":
            log = kubectl("logs", pod, f"--tail={LOG_LINES}", namespace=namespace)
            parts.append(f"{namespace}/{pod}:\n{log}")
    return "\n\n".join(parts)
