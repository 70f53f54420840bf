"""The configuration files of Consul agents. Pure.

The keys are documented at https://developer.hashicorp.com/consul/docs/agent/config (1.22).
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from components.naming import Naming
from components.settings import Settings

# Consul's own default ports, https://developer.hashicorp.com/consul/docs/install/ports
HTTP_PORT = 8500
HTTPS_PORT = 8501
GRPC_TLS_PORT = 8503
DNS_PORT = 8600
SERVER_RPC_PORT = 8300
SERF_LAN_PORT = 8301

# The ports at which agents serve the certificates in their Secrets.
CLIENT_TLS_PORTS = (HTTPS_PORT, GRPC_TLS_PORT)
SERVER_TLS_PORTS = (*CLIENT_TLS_PORTS, SERVER_RPC_PORT)

# Concurrent connections from one client address. Consul has the same default for HTTP. Its default for RPC, 100,
# could be too few if several clients share an address.
MAX_CONNECTIONS = 200

# How long servers may have no leader before a script assumes that no majority is left to elect one. With the multiplier
# 1, Consul's time-outs of heartbeats and of elections are 1 s. Raft waits one to two times as long for each
# (randomTimeout in hashicorp/raft's util.go): 4 s for the first round. The rest is for further rounds, and for calls
# that a dead leader does not answer.
_ELECTION_SECONDS = 15
_ELECTION_SECONDS_PER_MULTIPLIER = 4

# At least twice Prometheus' scrape interval: https://developer.hashicorp.com/consul/docs/agent/config/config-files#telemetry-prometheus_retention_time
METRICS_RETENTION = "5m"

# https://developer.hashicorp.com/consul/api-docs/agent#view-metrics
METRICS_PATH = "/v1/agent/metrics"

# The agent's own API, for programs in its pod.
OWN_URL = f"http://127.0.0.1:{HTTP_PORT}"

DATA_DIR = "/consul/data"
# Where a server keeps its Raft log: setupRaft in Consul's agent/consul/server.go.
LOG_DIR = f"{DATA_DIR}/raft/wal"
# On a server's volume, beside the Raft log: created when the server first becomes a voter.
VOTER_FILE = f"{DATA_DIR}/raft/voter"
# A server's ID: newNodeIDFromConfig in Consul's agent/nodeid.go.
NODE_ID_FILE = f"{DATA_DIR}/node-id"
CONFIG_DIR = "/consul/config"
ADDRESS_DIR = "/consul/addresses"
TLS_DIR = "/consul/tls"
ACL_DIR = "/consul/acl"
MANAGEMENT_DIR = "/consul/management"
GOSSIP_DIR = "/consul/gossip"

# Keys of the Secrets, which are also file names in the pods.
GOSSIP_KEY = "gossip-encryption-key"
CA_CERTIFICATE = "ca.pem"
SERVER_CERTIFICATE = "consul.pem"
SERVER_PRIVATE_KEY = "consul-key.pem"
CLIENT_CERTIFICATE = "client.pem"
CLIENT_PRIVATE_KEY = "client-key.pem"
MANAGEMENT_TOKEN = "management-token"  # noqa: S105 - a file's name

# Keys of the agents' ConfigMaps and ACL Secret. Consul reads the files in alphabetical order.
ACL_FILE = "acl.json"
BOOTSTRAP_FILE = "bootstrap.json"
CLIENT_FILE = "client.json"
SERVER_FILE = "server.json"

# Key of the Secret `<name>-gossip`. An agent keeps a file of the same form, and changes it when its keys change:
# SerfLANKeyring in Consul's agent/keyring.go.
KEYRING_FILE = "local.keyring"
KEYRING = f"{GOSSIP_DIR}/{KEYRING_FILE}"
AGENT_KEYRING = f"{DATA_DIR}/serf/{KEYRING_FILE}"

# Key of the ConfigMap `<name>-formed`, mounted in CONFIG_DIR: the cluster was healthy once. Consul ignores the file,
# because its name does not end in .json or .hcl.
FORMED_FILE = "formed"


def election_seconds(settings: Settings) -> int:
    """Return after how many seconds without a leader a script assumes that no majority is left to elect one."""
    return _ELECTION_SECONDS + _ELECTION_SECONDS_PER_MULTIPLIER * settings.raft_multiplier


def servers_url(naming: Naming) -> str:
    """Return the URL of the Service that leads to the servers which know a leader."""
    return f"https://{naming.host(naming.ui_service)}:{HTTPS_PORT}"


def join_url(naming: Naming) -> str:
    """Return the URL that makes the agent in the same pod join all servers."""
    return f"{OWN_URL}/v1/agent/join/{naming.host(naming.name)}"


def server_config(settings: Settings, retry_join: str) -> dict[str, Any]:
    """Return server.json, which does not depend on the number of servers.

    `retry_join` is a DNS name that resolves to all servers.
    """
    config = _agent_config(settings, retry_join)
    config["tls"]["defaults"] |= {
        "cert_file": f"{TLS_DIR}/{SERVER_CERTIFICATE}",
        "key_file": f"{TLS_DIR}/{SERVER_PRIVATE_KEY}",
    }
    config["tls"]["internal_rpc"]["verify_incoming"] = True
    return config | {
        "server": True,
        # A server that stops is still a voter. Only the pre-flight check makes a server leave.
        "leave_on_terminate": False,
        # By default, Consul refuses to start a server that was down for 168 h. Raft brings it up to date however long
        # it was down, for example until its node was repaired or the number of servers was raised again.
        "server_rejoin_age_max": "87600h",
        "auto_encrypt": {"allow_tls": True},
        "performance": {"raft_multiplier": settings.raft_multiplier},
        "ui_config": {"enabled": True},
    }


def client_config(settings: Settings, retry_join: str) -> dict[str, Any]:
    """Return client.json."""
    config = _agent_config(settings, retry_join)
    # The API uses this certificate, which has the Service's name. For RPC, the servers issue another certificate to
    # each client (auto_encrypt).
    files = {"cert_file": f"{TLS_DIR}/{CLIENT_CERTIFICATE}", "key_file": f"{TLS_DIR}/{CLIENT_PRIVATE_KEY}"}
    config["tls"] |= {"https": files, "grpc": files}
    return config | {"server": False, "leave_on_terminate": True, "auto_encrypt": {"tls": True}}


def bootstrap_config(settings: Settings) -> dict[str, Any]:
    """Return bootstrap.json. Consul reads it only when the cluster bootstraps, so a change restarts no pod."""
    return {"bootstrap_expect": settings.server_replicas}


def address_config(address: str) -> dict[str, Any]:
    """Return the file with a server's address: that of its Service, which stays when the pod gets another address."""
    return {"advertise_addr": address}


def _agent_config(settings: Settings, retry_join: str) -> dict[str, Any]:
    return {
        "datacenter": settings.datacenter,
        "domain": settings.domain,
        "data_dir": DATA_DIR,
        "log_level": settings.log_level,
        # Plain HTTP is for `kubectl exec … consul members` only; from outside the pod, the API requires TLS. The other
        # protocols use the addresses of the argument -client.
        "addresses": {"http": "127.0.0.1"},
        "ports": {
            "http": HTTP_PORT,
            "https": HTTPS_PORT,
            "grpc": -1,
            "grpc_tls": GRPC_TLS_PORT,
            "dns": DNS_PORT,
            "serf_wan": -1,
        },
        # Reload when the file of the certificate or the key changes. The agent then also reads the CA certificate,
        # which is not watched (AutoReloadConfig in Consul's agent/agent.go).
        "auto_reload_config": True,
        "retry_join": [retry_join],
        "retry_interval": "1s",
        "disable_update_check": True,
        # Nobody can run a command in an agent's pod through Consul.
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
    """Return the gossip key for a random string: 32 bytes in base64, for AES-256, as from `consul keygen`.

    The bytes are the string's SHA-256.
    """
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def render(config: Mapping[str, Any]) -> str:
    """Return a configuration as the content of its file. Equal configurations have equal content."""
    return json.dumps(config, indent=2, sort_keys=True) + "\n"
