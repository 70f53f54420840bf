# Startup probe of a server: succeed when this server is a voter, and gets the Raft log from the leader. Otherwise a rolling
# update could stop the next server while the leader still calls the old pod of this one. A new server, or one that lost its
# volume, becomes a voter after it has been healthy for autopilot's server-stabilization-time. On success, create
# $VOTER_FILE, which start_server.sh reads.
set -u
export CONSUL_HTTP_TOKEN_FILE="${MANAGEMENT_TOKEN_FILE-}"

# Raft does not store the commit index, and heartbeats do not contain it: heartbeat in hashicorp/raft's replication.go.
# While a rolling update enables ACLs, the agent knows no token yet; the leader then still answers anybody.
gets_log() {
    if info=$(consul info); then
        echo "$info" | grep -q 'commit_index = [1-9]'
    else
        CONSUL_HTTP_TOKEN_FILE='' consul operator raft list-peers >/dev/null
    fi
}

# Compare the ID: a server that lost its volume has a new one, but Raft lists its name with the old ID until the leader has
# replaced that entry.
gets_log && id=$(cat "$NODE_ID_FILE") &&
    consul operator raft list-peers | grep -Eq "^$POD_NAME +$id .* true " && touch "$VOTER_FILE"
