"""What is left of a failed end-to-end test, whose Kubernetes is gone when somebody reads of the failure."""

from pathlib import Path

from tests.support.consul import Consul

EVENTS = 60
LOG_LINES = 25


def diagnosis(kubeconfig: Path) -> str:
    """Return all pods, the last events, and the last log lines of all pods that this project or its tests made."""

    def kubectl(*arguments: str, namespace: str = "default") -> str:
        return Consul(kubeconfig, namespace).kubectl("--request-timeout=10s", *arguments, check=False)

    pods = kubectl("get", "pods", "--all-namespaces", "--output=wide")
    events = kubectl("get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp")
    parts = [pods, "\n".join(events.splitlines()[-EVENTS:])]
    for namespace, pod in (line.split()[:2] for line in pods.splitlines()[1:]):
        if namespace != "kube-system":
            log = kubectl("logs", pod, f"--tail={LOG_LINES}", namespace=namespace)
            parts.append(f"{namespace}/{pod}:\n{log}")
    return "\n\n".join(parts)
