"""Which container images are pinned. Pure; settings and policies use this one rule."""

import re

# https://pkg.go.dev/github.com/distribution/reference#pkg-overview
_REFERENCE = re.compile(
    r"(?P<registry>([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?/)?"
    r"(?P<name>[a-z0-9]+([._:/-]+[a-zA-Z0-9]+)*?)"
    r"(:(?P<tag>\w[\w.-]{0,127}))?"
    r"(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def is_pinned(image: str) -> bool:
    """Return whether an image reference is valid and has a digest or a tag other than `latest`."""
    match = _REFERENCE.fullmatch(image)
    return match is not None and bool(match["digest"] or (match["tag"] and match["tag"] != "latest"))
