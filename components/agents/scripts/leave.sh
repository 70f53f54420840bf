# preStop hook of a server. A server leaves Raft only if a majority of the voters stays. Otherwise it only stops, and is
# still a voter when it restarts: if all servers left at once, the last server would form a quorum alone, and its later
# writes would exist only on its disk. Steps and invariants: components/agents/README.md.
set -u

# `api METHOD PATH [DATA]`: read the token from its file, so that it does not show in the process list.
api() {
    { printf 'X-Consul-Token: '; cat "${CONSUL_HTTP_TOKEN_FILE-/dev/null}"; } |
        curl --silent --show-error --fail --max-time 5 --header @- \
            --request "$1" --data "${3-}" "http://127.0.0.1:8500/v1/$2"
}

# Announce the stop with a session (TTL 60 s), then list the sessions of other stopping servers. Because each server
# announces before it lists, at most one of several stopping servers can miss the others, and none if all of them
# announced within the 2 s of the sleep.
api PUT session/create "{\"Name\": \"ends:$POD_NAME\", \"TTL\": \"60s\"}" >/dev/null || exit 0
sleep 2
sessions=$(api GET session/list) || exit 0
# Limit the wait to 5 s: without a leader there is no answer.
peers=$(timeout 5 consul operator raft list-peers) || exit 0
ending=$(echo "$sessions" | grep -o '"ends:[^"]*"' | sort -u)
voters=$(echo "$peers" | grep -c ' true ')
[ "$voters" = 1 ] || [ $(($(echo "$ending" | wc -l) * 2)) -lt "$voters" ] || exit 0

# A leader transfers leadership to the first voter by name that is not stopping. When the number of servers is reduced,
# the highest ordinals stop. Consul could choose one of those, and would then need another election.
if echo "$peers" | grep -q "^$POD_NAME .* leader " && [ "$voters" -gt 1 ]; then
    successor=$(echo "$peers" | grep ' true ' | sort | while read -r name id _; do
        echo "$ending" | grep -qx "\"ends:$name\"" || echo "$id"
    done | head -n 1)
    consul operator raft transfer-leader -id="$successor" || exit 0
fi
CONSUL_HTTP_TOKEN_FILE=${RECOVERY_TOKEN_FILE-} consul leave
