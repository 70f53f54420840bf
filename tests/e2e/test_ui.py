"""The web UI in a real browser through the Ingress, and updates that wait for the Ingress."""

import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.support.browser import listed, log_in, page
from tests.support.consul import Consul, client_names, server_names, wait_for
from tests.support.stack import Stack
from tools.devcluster.cluster import Cluster

AGENTS = server_names(3) | client_names(3)

# https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/
SKIP_AWAIT = "pulumi.com/skipAwait"

# An update that does not wait ends half a second after it has changed the Ingress.
WAITED_SECONDS = 10


def test_the_ui_of_development_in_a_browser(
    cluster: Cluster, stack: Stack, settings: dict[str, object], consul: Consul, tmp_path: Path
) -> None:
    stack.configure(settings | {"ingressPort": cluster.https_port})
    stack.up()
    outputs = stack.outputs()
    url = urlsplit(str(outputs["uiUrl"]))
    assert url.hostname
    assert url.port == cluster.https_port
    with page(url.hostname, cluster.https_port, outputs["caCertificate"]) as ui:
        log_in(ui, outputs["managementToken"])
        assert listed(ui, "nodes") == AGENTS
        # For the documentation: SCREENSHOT=docs/ui.png.
        ui.screenshot(path=os.environ.get("SCREENSHOT", tmp_path / "ui.png"))
        assert "consul" in listed(ui, "services")

        ui.goto("/ui/dc1/kv/create")
        ui.get_by_placeholder("Key or folder").fill("from/browser")
        ui.locator(".CodeMirror textarea").focus()
        ui.keyboard.type("written there")
        expect(ui.locator(".CodeMirror")).to_contain_text("written there")
        ui.get_by_role("button", name="Save").click()
        expect(ui.get_by_role("link", name="from", exact=True)).to_be_visible()
    assert consul.consul("kv", "get", "from/browser", pod="consul-client-0") == "written there\n"
    consul.consul("kv", "delete", "from/browser")


def test_an_update_waits_for_the_ingress_controller_only_with_ingress_await(
    stack: Stack, settings: dict[str, object], consul: Consul
) -> None:
    def annotations() -> dict[str, str]:
        (ingress,) = consul.objects("ingresses")
        return ingress["metadata"].get("annotations", {})

    # Create the Ingress again, because the existing one keeps the address that the ingress controller reported.
    stack.configure(settings | {"ingressEnabled": False})
    stack.up()
    stack.configure(settings | {"ingressClass": "nobody"})
    stack.up()
    (ingress,) = consul.objects("ingresses")
    assert ingress["status"] == {"loadBalancer": {}}

    stack.configure(settings | {"ingressClass": "nobody", "ingressAwait": True})
    with stack.updating() as update:
        wait_for("the Ingress that is waited for", lambda: SKIP_AWAIT not in annotations(), 300)
        time.sleep(WAITED_SECONDS)
        assert update.poll() is None
        # Report an address, as an ingress controller would.
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        consul.kubectl("patch", "ingress", "consul-ui", "--subresource=status", "--patch", json.dumps(status))
        assert update.wait(timeout=300) == 0, stack.update_log.read_text()
