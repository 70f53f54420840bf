# Check in this order: the cluster matches the declaration, every agent serves its current certificate, uses its current
# token, and has the declared gossip keys. expired.sh, certificates.sh, gossip.sh, rotate_gossip.sh and tokens.sh come before
# this file. If a check does not succeed in time, print the differences and fail. The limits: $TIMEOUT s, counted from when no
# certificate has expired, which takes at most $RELOAD_TIMEOUT s; then $RELOAD_TIMEOUT s for each of the others.
set -u

problems() {
    # With as many voters as min-quorum, autopilot takes the vote of no server that is away. Set it here: Consul reads it
    # from its configuration only when the cluster bootstraps, and the number of servers may have changed since. The
    # pre-flight check reads it, and sets the other value while servers leave.
    said=$(consul operator autopilot set-config -min-quorum="$voters" -server-stabilization-time=10s 2>&1) ||
        { echo "$said"; return; }
    listed=$(consul members 2>&1) || { echo "$listed"; return; }
    raft=$(consul operator raft list-peers 2>&1) || { echo "$raft"; return; }

    alive=$(echo "$listed" | while read -r name _ status type _; do [ "$status" != alive ] || echo "$type:$name"; done)
    for member in $MEMBERS; do
        echo "$alive" | grep -qx "$member" || echo "$member is not alive"
    done
    for member in $alive; do
        case " $MEMBERS " in *" $member "*) ;; *) echo "$member is not expected" ;; esac
    done

    peers=$(echo "$raft" | while read -r name _ _ state voter _; do echo "$name $state $voter"; done | grep -v "^Node ")
    [ "$(echo "$peers" | grep -c " leader ")" = 1 ] || echo "Raft has no leader"
    for server in $SERVERS; do
        echo "$peers" | grep -q "^$server .* true$" || echo "server:$server is not a voter"
    done
    [ "$(echo "$peers" | grep -c .)" = "$voters" ] || echo "Raft's peers are not the servers declared: $peers"
}

# `wait_until_empty MESSAGE SECONDS COMMAND`: wait until the command prints nothing. After that time, print the message and
# the last output, and fail.
wait_until_empty() {
    started=$(date +%s)
    deadline=$((started + $2))
    while found=$("$3"); [ -n "$found" ]; do
        now=$(date +%s)
        # This update has renewed the certificates. After the agents have reloaded them, they get $2 s to recover.
        if [ "$3" = problems ] && expired "$found" && [ "$now" -lt $((started + RELOAD_TIMEOUT)) ]; then
            deadline=$((now + $2))
        fi
        if [ "$now" -ge "$deadline" ]; then
            echo "$1 after $((now - started)) s:"
            echo "$found"
            exit 1
        fi
        sleep 1
    done
}

set -- $SERVERS
voters=$#
wait_until_empty "The cluster is not healthy" "$TIMEOUT" problems
wait_until_empty "Not every agent serves its current certificate" "$RELOAD_TIMEOUT" outdated
[ -z "${CONSUL_HTTP_TOKEN_FILE-}" ] || wait_until_empty "Not every agent uses its current token" "$RELOAD_TIMEOUT" outdated_tokens
wait_until_empty "The members do not have the gossip keys of the setting gossipKeys" "$RELOAD_TIMEOUT" rotate
echo "The cluster is healthy: $MEMBERS"
