# Startup probe of a server: succeed when this server is a voter. A server that restarts still is one. A new server, or
# one that lost its volume, becomes one when autopilot trusts it; a rolling update waits for that.
CONSUL_HTTP_TOKEN_FILE=${MANAGEMENT_TOKEN_FILE-} consul operator raft list-peers | grep -Eq "^$POD_NAME +.* true "
