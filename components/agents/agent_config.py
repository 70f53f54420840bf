"""The Consul agents' configuration files. Pure: settings in, dicts and text out.

Keys are those of https://developer.hashicorp.com/consul/docs/agent/config (1.22).
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from components.settings import Settings

# Consul's own default ports, https://developer.hashicorp.com/consul/docs/install/ports
HTTP_PORT = 8500
HTTPS_PORT = 8501
GRPC_TLS_PORT = 8503
DNS_PORT = 8600
SERVER_RPC_PORT = 8300
SERF_LAN_PORT = 8301

# A caller's connections at once: Consul's default for HTTP, here for RPC as well, since many may share one address.
MAX_CONNECTIONS = 200

# At least twice the interval of Prometheus' scrapes, https://developer.hashicorp.com/consul/docs/agent/config/config-files#telemetry-prometheus_retention_time
METRICS_RETENTION = "5m"

# https://developer.hashicorp.com/consul/api-docs/agent#view-metrics
METRICS_PATH = "/v1/agent/metrics"

DATA_DIR = "/consul/data"
CONFIG_DIR = "/consul/config"
TLS_DIR = "/consul/tls"
ACL_DIR = "/consul/acl"

# The keys of the Secrets and the names of the files that they become in a pod.
GOSSIP_KEY = "gossip-encryption-key"
CA_CERTIFICATE = "ca.pem"
SERVER_CERTIFICATE = "consul.pem"
SERVER_PRIVATE_KEY = "consul-key.pem"
CLIENT_CERTIFICATE = "client.pem"
CLIENT_PRIVATE_KEY = "client-key.pem"
MANAGEMENT_TOKEN = "management-token"  # noqa: S105 - a file's name
RECOVERY_TOKEN = "recovery-token"  # noqa: S105 - a file's name

# The keys of the agents' ConfigMaps and of the agents' own Secret; Consul reads them in this order of names.
ACL_FILE = "acl.json"
BOOTSTRAP_FILE = "bootstrap.json"
CLIENT_FILE = "client.json"
GOSSIP_FILE = "gossip.json"
SERVER_FILE = "server.json"


def server_config(settings: Settings, retry_join: str) -> dict[str, Any]:
    """server.json: what every server has in common, whatever their number.

    `retry_join` is a DNS name that resolves to every server, so that a change of their number changes no file.
    """
    config = _agent_config(settings, retry_join)
    config["tls"]["defaults"] |= {
        "cert_file": f"{TLS_DIR}/{SERVER_CERTIFICATE}",
        "key_file": f"{TLS_DIR}/{SERVER_PRIVATE_KEY}",
    }
    config["tls"]["internal_rpc"]["verify_incoming"] = True
    return config | {
        "server": True,
        # leave.sh says when a server may leave; one that just ends stays a voter.
        "leave_on_terminate": False,
        # Raft brings a server up to date however long it was away; Consul would refuse to start it after 168 h, and it
        # comes back after a node's repair or when the number of servers has shrunk and grown again.
        "server_rejoin_age_max": "87600h",
        "auto_encrypt": {"allow_tls": True},
        "performance": {"raft_multiplier": settings.raft_multiplier},
        "ui_config": {"enabled": True},
    }


def client_config(settings: Settings, retry_join: str) -> dict[str, Any]:
    """client.json: towards servers each client has a certificate of its own, which they give it (auto_encrypt)."""
    config = _agent_config(settings, retry_join)
    # For those who call the client, a certificate with its Service's name; towards servers it has its own.
    files = {"cert_file": f"{TLS_DIR}/{CLIENT_CERTIFICATE}", "key_file": f"{TLS_DIR}/{CLIENT_PRIVATE_KEY}"}
    config["tls"] |= {"https": files, "grpc": files}
    return config | {"server": False, "leave_on_terminate": True, "auto_encrypt": {"tls": True}}


def bootstrap_config(settings: Settings) -> dict[str, Any]:
    """bootstrap.json: what servers read at the cluster's very first start only, so that its change rolls no pod."""
    return {"bootstrap_expect": settings.server_replicas}


def _agent_config(settings: Settings, retry_join: str) -> dict[str, Any]:
    return {
        "datacenter": settings.datacenter,
        "domain": settings.domain,
        "data_dir": DATA_DIR,
        "log_level": settings.log_level,
        "bind_addr": "0.0.0.0",  # noqa: S104 - inside the pod; what others may reach is said by `addresses`
        # Plain HTTP stays inside the pod: `kubectl exec … consul members` works, the network sees TLS only.
        "addresses": {"http": "127.0.0.1", "https": "0.0.0.0", "dns": "0.0.0.0", "grpc_tls": "0.0.0.0"},  # noqa: S104
        "ports": {
            "http": HTTP_PORT,
            "https": HTTPS_PORT,
            "grpc": -1,
            "grpc_tls": GRPC_TLS_PORT,
            "dns": DNS_PORT,
            "serf_wan": -1,
        },
        "retry_join": [retry_join],
        "retry_interval": "1s",
        "disable_update_check": True,
        # Nobody runs a command on an agent's pod by way of Consul.
        "disable_remote_exec": True,
        "enable_script_checks": False,
        "enable_local_script_checks": False,
        "limits": {
            "http_max_conns_per_client": MAX_CONNECTIONS,
            "rpc_max_conns_per_client": MAX_CONNECTIONS,
            "https_handshake_timeout": "5s",
            "rpc_handshake_timeout": "5s",
        },
        "telemetry": {"prometheus_retention_time": METRICS_RETENTION, "disable_hostname": True},
        "tls": {
            "defaults": {
                "ca_file": f"{TLS_DIR}/{CA_CERTIFICATE}",
                "verify_outgoing": True,
                "tls_min_version": "TLSv1_2",
            },
            "internal_rpc": {"verify_server_hostname": True},
        },
    }


def gossip_key(secret: str) -> str:
    """The gossip key that belongs to a random text: 32 bytes in base64 (AES-256, as `consul keygen` makes).

    The bytes are the text's SHA-256, so that the key appears in no ID of the resource that made the text.
    """
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def gossip_config(key: str) -> dict[str, Any]:
    """gossip.json: the key in a file, since an argument would show in the process list."""
    return {"encrypt": key}


def render(config: Mapping[str, Any]) -> str:
    """A configuration as the text of its file; the same configuration always gives the same text."""
    return json.dumps(config, indent=2, sort_keys=True) + "\n"
