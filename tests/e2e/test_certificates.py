"""Certificates are renewed while the agents run, also those that have expired."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.certificates import issued, now, outdated, served, shorten
from tests.support.consul import Consul, wait_for
from tests.support.load import Load, judge
from tests.support.stack import Stack

# How long the agents may take to serve a changed certificate. The devcluster's nodes look at Secrets every 10 to 15 s.
RELOAD_SECONDS = 30


def all_expire_at(consul: Consul, end: datetime) -> bool:
    return {certificate.not_valid_after_utc for certificate in served(consul).values()} == {end}


def test_a_renewal_restarts_no_agent(stack: Stack, consul: Consul) -> None:
    agents, restarts = consul.uids(), consul.restarts()
    end = now() + timedelta(days=29)
    shorten(stack, consul, end)
    wait_for("the certificates that expire soon", lambda: all_expire_at(consul, end))
    assert "LocallySignedCert" in stack.preview("--refresh=false")
    with Load(consul, stack.outputs()["caCertificate"]) as load:
        stack.up()
        # No wait here: `up` must have waited.
        assert outdated(consul, stack) == []
    assert all(of.not_valid_after_utc > end for of in issued(stack).values())
    assert (consul.uids(), consul.restarts()) == (agents, restarts)
    judge(load.history)
    assert load.longest_gap() <= 0.5


@pytest.mark.parametrize(
    ("ca", "changed"),
    [
        pytest.param(False, {}, id="certificates", marks=pytest.mark.soak),
        pytest.param(True, {"logLevel": "warn"}, id="CA, and a rolling update"),
    ],
)
def test_one_update_renews_expired_certificates(
    stack: Stack, settings: dict[str, Any], consul: Consul, insider: str, ca: bool, changed: dict[str, Any]
) -> None:
    consul.consul("kv", "put", "expired", "kept")
    end = now() + timedelta(seconds=RELOAD_SECONDS + 15)
    shorten(stack, consul, end, ca=ca)
    wait_for("the certificates that expire soon", lambda: all_expire_at(consul, end), RELOAD_SECONDS)
    wait_for("the end of the certificates", lambda: now() > end)
    # Running agents keep open connections, which Consul does not verify again. New connections fail.
    consul.consul("kv", "put", "expired", "kept again")
    call = ("members", f"-http-addr={stack.outputs()['httpsAddress']}", "-ca-file=/tls/ca.pem")
    assert "certificate has expired" in consul.consul(*call, pod=insider, check=False)
    # A restarted server cannot connect to the others.
    consul.kubectl("delete", "pod", "consul-2", "--force", "--grace-period=0")
    stack.configure(settings | changed)
    stack.up()
    assert outdated(consul, stack) == []
    consul.wait_healthy()
    assert consul.consul("kv", "get", "expired") == "kept again\n"
    wait_for(
        "an answer with the new CA", lambda: "alive" in consul.consul(*call, pod=insider, check=False), RELOAD_SECONDS
    )
