"""The Grafana dashboard of a cluster. Pure."""

import hashlib
import json
from pathlib import Path
from typing import Any

from components.naming import Naming

_DASHBOARD = Path(__file__).with_name("dashboard.json")


def dashboard_model(naming: Naming) -> dict[str, Any]:
    """Return Grafana's JSON model of the dashboard, with this cluster's namespace preselected.

    https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
    """
    model = json.loads(_DASHBOARD.read_text())
    (namespace,) = (variable for variable in model["templating"]["list"] if variable["name"] == "namespace")
    namespace["current"] = {"text": naming.namespace, "value": naming.namespace}
    # Hash the names: Grafana allows 40 characters, and a namespace may have 63.
    uid = hashlib.sha256(f"{naming.namespace}/{naming.name}".encode()).hexdigest()[:32]
    return model | {"uid": uid, "title": f"Consul in {naming.namespace}"}
