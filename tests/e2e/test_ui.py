"""The web UI in a real browser: through the Ingress in development, through a forwarded port in production."""

import json
import os
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.support.browser import page
from tests.support.consul import Consul, client_names, server_names, wait_for
from tests.support.pods import IDLE, pod, running
from tests.support.stack import Stack
from tools import toolchain
from tools.devcluster.cluster import Cluster

AGENTS = server_names(3) | client_names(3)

# https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/
SKIP_AWAIT = "pulumi.com/skipAwait"

# An update that does not wait ends half a second after it has changed the Ingress.
WAITED_SECONDS = 10


def log_in(ui: Page, token: str) -> None:
    """Log in with a token."""
    ui.goto("/ui/dc1/nodes")
    expect(ui.get_by_text("There don't seem to be any registered Nodes")).to_be_visible()
    ui.get_by_role("button", name="Log in").first.click()
    ui.get_by_label("Log in with a token").fill(token)
    ui.keyboard.press("Enter")
    expect(ui.get_by_text("You are now logged in")).to_be_visible()


def listed(ui: Page, what: str) -> set[str]:
    """Return the names on the page `nodes` or `services`, once there are any."""
    ui.goto(f"/ui/dc1/{what}")
    expect(ui.locator(".consul-node-list, .consul-service-list").locator("li").first).to_be_visible()
    return {name.strip() for name in ui.locator("li .header a").all_inner_texts()}


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


@contextmanager
def forwarded(stack: Stack, namespace: str) -> Generator[int]:
    """Forward a free port of the loopback to the UI's Service, as in the README, and yield the port."""
    command = [str(toolchain.binary("kubectl")), "--kubeconfig", str(stack.kubeconfig), "--namespace", namespace]
    forwarding = subprocess.Popen(
        [*command, "port-forward", "service/consul-ui", ":8501"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert forwarding.stdout
        yield int(forwarding.stdout.readline().partition("127.0.0.1:")[2].split()[0])
    finally:
        forwarding.terminate()
        forwarding.wait(timeout=10)


def test_the_ui_of_production_is_only_reachable_by_a_forwarded_port(stack: Stack, production: Stack) -> None:
    outputs = production.outputs()
    there = Consul(production.kubeconfig, "production", outputs["managementToken"])
    there.wait_healthy()
    assert "uiUrl" not in outputs
    assert there.objects("ingresses") == []
    assert {service["spec"]["type"] for service in there.objects("services")} == {"ClusterIP"}
    with forwarded(production, "production") as port, page("localhost", port, outputs["caCertificate"]) as ui:
        log_in(ui, outputs["managementToken"])
        assert listed(ui, "nodes") == AGENTS

    # No agent answers other namespaces. The client namespaces cannot see the UI either, because clients have none.
    outside = Consul(stack.kubeconfig, "default")
    addresses = {name: there.address(name) for name in ("consul-0", "consul-client-0")}
    with running(outside, pod("outside", IDLE)):
        for address in addresses.values():
            said = outside.run(
                "outside", "curl", "-sS", "--connect-timeout", "3", f"https://{address}:8501/ui/", check=False
            )
            assert "timed out" in said or "timeout" in said.lower()
    assert "404" in there.run(
        "consul-client-0", "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://localhost:8501/ui/"
    )


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
