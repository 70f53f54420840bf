# Run before every change that restarts or removes servers; servers.sh comes before it. Succeed only if the running
# cluster is whole, or if there is no cluster yet. Then make the servers that are not in $SERVERS leave Raft, one at a
# time. Steps and invariants: components/agents/README.md.
set -u
export CONSUL_HTTP_TOKEN_FILE="${MANAGEMENT_TOKEN_FILE-}"
headless=${CONSUL_HTTP_ADDR#https://}

# `url SERVER`: print the address of a server's pod. Its DNS name exists while the pod has an address. A call of a
# server's own Service would not tell a pod that does not exist from one that does not answer: NetworkPolicies drop it.
url() { echo "https://$1.$headless"; }

# `at SERVER COMMAND…`: run a command against one server.
at() (
    CONSUL_HTTP_ADDR=$(url "$1")
    shift
    "$@"
)

# `peers SERVER`: print the addresses of the voters that a server knows, as JSON. This works without a leader.
peers() {
    curl --silent --show-error --fail --max-time 3 --cacert "$CONSUL_CACERT" "$(url "$1")/v1/status/peers" 2>&1
}

# `look SERVER`: print `member` if the server belongs to a cluster, `new` if it never did, `none` if it does not run, or
# else what went wrong.
look() {
    if peers=$(peers "$1"); then
        [ "$peers" = "[]" ] && echo new || echo member
    else
        said=$(at "$1" timeout 3 consul operator raft list-peers 2>&1)
        case $said in *"connection refused"* | *"no such host"*) echo none ;; *) echo "does not answer: $peers" ;; esac
    fi
}

# Set $seen to what `look` prints about each declared server, and $member to the first server of a cluster.
look_at_all() {
    seen=$(for server in $SERVERS; do echo "$server $(look "$server")"; done)
    member=$(echo "$seen" | grep ' member$' | head -n 1)
    member=${member%% *}
}

problems() {
    if [ -z "$member" ]; then
        echo "$seen" | grep -Ev ' (none|new)$'
        return
    fi
    config=$(timeout 5 consul operator autopilot get-config 2>&1) || { echo "${config:-no answer within 5 s}"; return; }
    found=$(servers) || { echo "$found"; echo "$seen"; return; }
    # The last healthy cluster had an odd number of servers, and the health check stored their majority as MinQuorum.
    # Servers that this update adds or removes may be missing.
    quorum=$(echo "$config" | while read -r key _ value; do [ "$key" != MinQuorum ] || echo "$value"; done)
    for server in $SERVERS; do
        [ "${server##*-}" -lt $((2 * quorum - 1)) ] || continue
        line=$(echo "$found" | grep "^$server ") || line="$server is not in Raft"
        case $line in *" leader true "* | *" voter true "*) ;; *) echo "$server is not a healthy voter: $line" ;; esac
    done
}

# `leave SERVER`: take a server out of Raft if the healthy servers that remain are a majority of the voters that remain.
leave() {
    found=$(servers) || { echo "$found"; return 1; }
    rest=$(echo "$found" | grep -v "^$1 ")
    voters=$(voters "$rest") healthy=$(healthy "$rest")
    if [ "$healthy" -lt "$(majority "$voters")" ]; then
        echo "$1 cannot leave: of the $voters voters that would remain, only $healthy are healthy"
        return 1
    fi
    if echo "$found" | grep -q "^$1 leader "; then
        successor=$(echo "$found" | grep ' voter true ' | sort | head -n 1)
        consul operator raft transfer-leader -id="${successor##* }" || return 1
    fi
    # A server that answers leaves by itself. Its container restarts, and the server joins as a non-voter, which it stays
    # (server-stabilization-time) until its pod is deleted.
    at "$1" timeout 15 consul leave || timeout 15 consul force-leave "$1"
    limit=$(($(date +%s) + 30))
    while [ "$(date +%s)" -lt "$limit" ]; do
        ! found=$(servers) || echo "$found" | grep -Eq "^$1 (leader|voter) " || { echo "$1 has left Raft"; return 0; }
        sleep 1
    done
    echo "$1 is still a voter after 30 s"
    return 1
}

# `leaving LINES`: print the voters that are to go, highest ordinal first.
leaving() {
    echo "$1" | sort -r | while read -r name status _; do
        case " $SERVERS " in *" $name "*) ;; *) [ "$status" = non-voter ] || echo "$name" ;; esac
    done
}

deadline=$(($(date +%s) + TIMEOUT))
quiet=0
while :; do
    look_at_all
    [ -z "$member" ] || CONSUL_HTTP_ADDR=$(url "$member")
    found=$(problems)
    [ -z "$found" ] && quiet=$((quiet + 1)) || quiet=0
    # During a rolling update, no server misses for a second between two restarts. Three looks in a row tell.
    if [ "$quiet" = 3 ] || { [ -z "$found" ] && [ -z "$member" ]; }; then
        break
    elif [ "$ALLOW_DEGRADED" = true ] && [ -n "$found" ]; then
        echo "allowDegraded is true, so the update goes on although the cluster is not whole:"
        echo "$found"
        break
    elif [ "$(date +%s)" -ge "$deadline" ]; then
        echo "The cluster is not whole, so no server may be restarted or removed. Nothing was changed in it."
        echo "$found"
        echo "Bring the missing servers back and run pulumi up again; or set allowDegraded to true for one update."
        exit 1
    fi
    sleep 1
done
if [ -z "$member" ]; then
    echo "There is no cluster yet: $seen"
    exit 0
fi

if ! found=$(servers); then
    # Only with allowDegraded: no quorum is left that a restart could take.
    known=$(peers "$member" | grep -o '"[^"]*"' | grep -c .)
    set -- $SERVERS
    if [ "$known" -gt $# ]; then
        echo "Without a leader, no server can leave Raft: set serverReplicas back to $known"
        exit 1
    fi
    echo "There is no leader. The servers may be updated"
    exit 0
fi
going=$(leaving "$found")
stabilization=10s
[ -z "$going" ] || stabilization=10m
consul operator autopilot set-config -server-stabilization-time="$stabilization" || exit 1
for server in $going; do
    leave "$server" || exit 1
done
echo "The servers may be updated"
