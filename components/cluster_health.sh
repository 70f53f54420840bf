# Ends well once the cluster is exactly as declared; after $TIMEOUT seconds it says what is missing and fails.
# Shell built-ins, date, grep and the consul command only, so that it runs in any Consul image.
set -u

members() { # the agents that are alive, as type:name
    consul members | while read -r name _ status type _; do
        [ "$status" = alive ] && echo "$type:$name"
    done
}

peers() { # Raft's peers, as name:state:voter
    consul operator raft list-peers | while read -r name _ _ state voter _; do
        [ "$name" = Node ] || echo "$name:$state:$voter"
    done
}

problems() {
    alive=$(members 2>&1)
    for member in $MEMBERS; do
        echo "$alive" | grep -qx "$member" || echo "$member is not alive"
    done
    for member in $alive; do
        case " $MEMBERS " in *" $member "*) ;; *) echo "$member is not expected" ;; esac
    done
    raft=$(peers 2>&1)
    [ "$(echo "$raft" | grep -c ':leader:')" = 1 ] || echo "Raft has no leader"
    for server in $SERVERS; do
        echo "$raft" | grep -q "^$server:.*:true$" || echo "server $server is not a voter"
    done
    [ "$(echo "$raft" | grep -c .)" = "$QUORUM_OF" ] || echo "Raft's peers are" $raft
}

# Consul reads this one at a new cluster's start only, and the number of servers may have changed since.
consul operator autopilot set-config -min-quorum=$((QUORUM_OF / 2 + 1))

deadline=$(($(date +%s) + TIMEOUT))
while found=$(problems) && [ -n "$found" ]; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
        echo "The cluster is not healthy after $TIMEOUT s:"
        echo "$found"
        exit 1
    fi
    sleep 1
done
echo "The cluster is healthy:" $MEMBERS
