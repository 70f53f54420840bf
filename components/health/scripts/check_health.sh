# Succeed when the cluster matches the declaration. After $TIMEOUT seconds, print the differences and fail.
# Use only shell built-ins, date, grep and consul, which every Consul image has.
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

set -- $SERVERS
voters=$#
deadline=$(($(date +%s) + TIMEOUT))
while found=$(problems) && [ -n "$found" ]; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
        echo "The cluster is not healthy after $TIMEOUT s:"
        echo "$found"
        exit 1
    fi
    sleep 1
done
echo "The cluster is healthy: $MEMBERS"
