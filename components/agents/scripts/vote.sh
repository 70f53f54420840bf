# Startup probe of a server: succeed when this server is a voter, and gets the Raft log from the leader. Otherwise a rolling
# update could stop the next server while the leader still calls the old pod of this one. A new server, or one that lost its
# volume, becomes a voter after it has been healthy for autopilot's server-stabilization-time.
set -u
export CONSUL_HTTP_TOKEN_FILE="${MANAGEMENT_TOKEN_FILE-}"
# The commit index is not on the disk, and no heartbeat has it: replicateTo in hashicorp/raft's replication.go.
consul info | grep -q 'commit_index = [1-9]' && consul operator raft list-peers | grep -Eq "^$POD_NAME +.* true "
