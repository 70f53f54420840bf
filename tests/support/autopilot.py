"""The output of `consul operator autopilot state`, as Consul 1.22 prints it."""

AUTOPILOT_HEADER = """\
Healthy:                      true
Failure Tolerance:            1
Leader:                       07772220-87b0-5c54-ff58-0e39eb8e7ba2
Voters:
   07772220-87b0-5c54-ff58-0e39eb8e7ba2
Servers:
"""


def raft_id(ordinal: int) -> str:
    """Return the Raft ID of the server consul-<ordinal>."""
    return f"{ordinal}7772220e-87b0-5c54-ff58-0e39eb8e7ba2"


def autopilot_server(ordinal: int, status: str, *, healthy: bool = True) -> str:
    """Return the lines about the server consul-<ordinal>; `status` is leader, voter or non-voter."""
    return f"""\
   {raft_id(ordinal)}
      Name:            consul-{ordinal}
      Address:         10.96.0.{ordinal}:8300
      Version:         1.22.6
      Status:          {status}
      Node Type:       voter
      Node Status:     alive
      Healthy:         {str(healthy).lower()}
      Last Contact:    57.120288ms
      Meta
         "consul-version": "1.22.6"
"""
