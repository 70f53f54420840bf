# Whether this server votes: one that comes back may not until autopilot trusts it, and a rollout has to wait for that.
# Consul joins at its start only, until it has found somebody, if only itself or one about to end. Where there is no leader
# it may be that the others are elsewhere by now, so this joins them anew.
set -u

if ! curl --silent --max-time 1 http://127.0.0.1:8500/v1/status/leader | grep -q :; then
    CONSUL_HTTP_TOKEN_FILE=${RECOVERY_TOKEN_FILE-} consul join "$SERVERS"
    exit 1
fi
consul operator raft list-peers | grep -Eq "^$POD_NAME +.* true "
