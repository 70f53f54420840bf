# Startup probe of a server: succeed when this server is a voter, so that a rolling update waits for autopilot to
# promote it. Consul stops retry_join after its first success, which may have reached only a stopping server. If there is
# no leader, join again, because the other servers may have new addresses. See components/agents/README.md.
set -u

if ! curl --silent --max-time 1 http://127.0.0.1:8500/v1/status/leader | grep -q :; then
    CONSUL_HTTP_TOKEN_FILE=${RECOVERY_TOKEN_FILE-} consul join "$SERVERS"
    exit 1
fi
consul operator raft list-peers | grep -Eq "^$POD_NAME +.* true "
