# preStop hook of a server; servers.sh comes before it. Wait, at most $1 seconds, until the other healthy servers are a
# majority of the voters. Then hand over leadership, and try again if that fails. The server stays a voter. Do not wait if
# the agent does not answer at the URL $3, or after $2 seconds without a leader. Steps and invariants:
# components/agents/README.md.
set -u
export CONSUL_HTTP_TOKEN_FILE="${MANAGEMENT_TOKEN_FILE-}"

own_url=$3

# Needs no token: without a leader, a server that has restarted may not know it.
answers() { curl --silent --max-time 5 --output /dev/null "$own_url/v1/status/leader"; }
# Autopilot may not know a new leader for 2 s.
leads() { timeout 5 consul info | grep -q 'leader = true'; }
hand_over() {
    tried=1
    timeout 15 consul operator raft transfer-leader
}

now=$(date +%s)
deadline=$((now + $1))
elected_by=$((now + $2))
while [ "$now" -lt "$deadline" ]; do
    if found=$(servers); then
        elected_by=$((now + $2))
        count=$(voters "$found")
        others=$(healthy "$(echo "$found" | grep -v "^$POD_NAME ")")
        echo "$found" | grep -Eq "^$POD_NAME (leader|voter) " && [ "$count" -gt 1 ] || exit 0
        if [ "$others" -ge "$(majority "$count")" ]; then
            ! leads || hand_over && exit 0
        fi
    elif [ "$now" -ge "$elected_by" ] || ! answers; then
        # No quorum is left to protect.
        exit 0
    fi
    sleep 1
    now=$(date +%s)
done
# Kubernetes kills a server that needs 30 s more.
[ -n "${tried-}" ] || ! leads || hand_over
