"""What checkers of manifests ask for and pods do not do: annotations beside the object, each with its reason. Pure.

They are on the object itself, not on its pods, so that none of them ever rolls one.
"""

from components.settings import Settings

_PULL = "with Always, no pod could come back while the registry is away"
_DIGEST = "the image is pinned by its tag; set consul-cluster:image to one with a digest, and this exception goes"


def pod_exceptions(settings: Settings) -> dict[str, str]:
    """Annotations of an object that makes pods; those of checkov have their reason in them, kube-score's beside them.

    https://github.com/zegl/kube-score#ignoring-a-test,
    https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
    """
    kube_score = {
        "kube-score/ignore": "container-image-pull-policy",
        "reason.kube-score/container-image-pull-policy": _PULL,
    }
    if "@" in settings.image:
        return kube_score
    return kube_score | {"checkov.io/skip1": f"CKV_K8S_15={_PULL}", "checkov.io/skip2": f"CKV_K8S_43={_DIGEST}"}
