# preStop hook of a server; servers.sh comes before it. Wait, at most $1 seconds, until the other healthy servers are a
# majority of the voters. Then hand over leadership, and try again if that fails. The server stays a voter. Steps and
# invariants: components/agents/README.md.
set -u
export CONSUL_HTTP_TOKEN_FILE="${MANAGEMENT_TOKEN_FILE-}"

leads() { echo "${found-}" | grep -q "^$POD_NAME leader "; }
hand_over() {
    tried=1
    timeout 15 consul operator raft transfer-leader
}

deadline=$(($(date +%s) + $1))
unanswered=0
while [ "$(date +%s)" -lt "$deadline" ]; do
    if found=$(servers); then
        unanswered=0
        count=$(voters "$found")
        others=$(healthy "$(echo "$found" | grep -v "^$POD_NAME ")")
        echo "$found" | grep -Eq "^$POD_NAME (leader|voter) " && [ "$count" -gt 1 ] || exit 0
        if [ "$others" -ge "$(majority "$count")" ]; then
            ! leads || hand_over && exit 0
        fi
    else
        # An election takes a few seconds. If there is still no leader, no quorum is left to protect.
        unanswered=$((unanswered + 1))
        [ "$unanswered" -lt 3 ] || exit 0
    fi
    sleep 1
done
# Kubernetes kills a server that needs 30 s more.
[ -n "${tried-}" ] || ! leads || hand_over
