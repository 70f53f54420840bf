"""Annotations that waive checks of kube-score and checkov, each with its reason. Pure.

Those of a pod template are set on the StatefulSet or Job, not on its pod template, so a changed waiver restarts no pod.
"""

from components.settings import Settings

_PULL_POLICY = "with Always, no pod could come back while the registry is away"
_DIGEST = "the image is pinned by its tag; set consul-cluster:image to one with a digest, and this exception goes"

SELECTOR_WAIVER = {
    "kube-score/ignore": "service-targets-pod",
    "reason.kube-score/service-targets-pod": "the StatefulSet controller sets the label pod-name on each pod",
}
"""The annotations of a Service that selects one pod of a StatefulSet."""


def waivers(settings: Settings) -> dict[str, str]:
    """Return the annotations for an object with a pod template.

    https://github.com/zegl/kube-score#ignoring-a-test,
    https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
    """
    kube_score = {
        "kube-score/ignore": "container-image-pull-policy",
        "reason.kube-score/container-image-pull-policy": _PULL_POLICY,
    }
    if "@" in settings.image:
        return kube_score
    return kube_score | {"checkov.io/skip1": f"CKV_K8S_15={_PULL_POLICY}", "checkov.io/skip2": f"CKV_K8S_43={_DIGEST}"}
