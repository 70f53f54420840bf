# Startup probe of a server: succeed when this server is a voter. A server that restarts is still a voter. A new server,
# or one that lost its volume, becomes a voter after it has been healthy for autopilot's server-stabilization-time.
CONSUL_HTTP_TOKEN_FILE=${MANAGEMENT_TOKEN_FILE-} consul operator raft list-peers | grep -Eq "^$POD_NAME +.* true "
