# Before a server ends. One that leaves is taken out of Raft's peers, so that when all leave at once the last one is all
# of the quorum, and the only one that has what it still acknowledges. So a server leaves where a majority of the voters
# stays; any other just ends, and is a voter still when it comes back.
set -u

# `api METHOD PATH [DATA]`: the token is read from its file, so that it is in no argument.
api() {
    { printf 'X-Consul-Token: '; cat "${CONSUL_HTTP_TOKEN_FILE-/dev/null}"; } |
        curl --silent --show-error --fail --max-time 5 --header @- \
            --request "$1" --data "${3-}" "http://127.0.0.1:8500/v1/$2"
}

# A server that is about to end says so by a session, which Consul removes with it, and only then looks who else does: of
# servers that end at the same time one at most sees itself alone, and none where they began within two seconds.
api PUT session/create "{\"Name\": \"ends:$POD_NAME\", \"TTL\": \"60s\"}" >/dev/null || exit 0
sleep 2
sessions=$(api GET session/list) || exit 0
# Where the leader has just gone, its answer is waited for in vain.
peers=$(timeout 5 consul operator raft list-peers) || exit 0
ending=$(echo "$sessions" | grep -o '"ends:[^"]*"' | sort -u)
voters=$(echo "$peers" | grep -c ' true ')
[ "$voters" = 1 ] || [ $(($(echo "$ending" | wc -l) * 2)) -lt "$voters" ] || exit 0

# A leader first hands over, to the first that stays: when the number of servers shrinks, the last ones go. Consul itself
# would pick any, and be without a leader once more when that one goes as well.
if echo "$peers" | grep -q "^$POD_NAME .* leader " && [ "$voters" -gt 1 ]; then
    successor=$(echo "$peers" | grep ' true ' | sort | while read -r name id _; do
        echo "$ending" | grep -qx "\"ends:$name\"" || echo "$id"
    done | head -n 1)
    consul operator raft transfer-leader -id="$successor" || exit 0
fi
CONSUL_HTTP_TOKEN_FILE=${RECOVERY_TOKEN_FILE-} consul leave
