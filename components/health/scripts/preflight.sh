# Run before every change that restarts or removes servers, or changes the gossip keys or the CA. servers.sh, expired.sh,
# management_token.sh, gossip.sh, check_gossip.sh and check_ca.sh come before this file. Succeed only if every declared server ($SERVERS) is a
# healthy voter, if there is no cluster, if it starts over ($STARTS_OVER), or if $ALLOW_DEGRADED permits it; and only if the
# agents are ready for the declared gossip keys and CAs. Then make the servers that are not declared leave Raft, one at a
# time. $EVERY_SERVER has the names of all servers that a cluster can have.
# Steps and invariants: components/agents/README.md.
set -u
headless=${CONSUL_HTTP_ADDR#https://}

# A server that has left starts again, as a non-voter. Autopilot lets it vote after this many seconds of stable health;
# its pod must be gone before. But autopilot ignores this time while it has watched the servers for less than this time
# (ServerStabilizationTime in types.go of github.com/hashicorp/raft-autopilot), so $LEADER_AGE is more.
STABILIZATION=60
LEADER_AGE=75

# Autopilot looks at the servers every 2 s (ServerHealthInterval in agent/consul/config.go of Consul). If it has not seen
# a server away, the server votes again at autopilot's next reconciliation, which is every 10 s (AutopilotInterval).
RECONCILED=12

declared() { case " $SERVERS " in *" $1 "*) ;; *) return 1 ;; esac }

# `url SERVER`: print the address of a server's pod. Its DNS name exists while the pod has an address. A call of a
# server's own Service would not tell a pod that does not exist from one that does not answer: NetworkPolicies drop it.
url() { echo "https://$1.$headless"; }

# `at SERVER COMMAND…`: run a command against one server.
at() (
    CONSUL_HTTP_ADDR=$(url "$1")
    shift
    "$@"
)

# `peers SERVER`: print the addresses of the servers in Raft that a server knows, as JSON. This works without a leader.
peers() {
    curl --silent --show-error --fail --max-time 3 --cacert "$CONSUL_CACERT" "$(url "$1")/v1/status/peers" 2>&1
}

# `served SERVER`: succeed if the server answers at the address of its own Service.
served() {
    curl --connect-timeout 1 --max-time 3 --cacert "$CONSUL_CACERT" "https://$1.${headless#*.}/v1/status/leader" \
        >/dev/null 2>&1
}

# `look SERVER`: print `member` if the server belongs to a cluster, `new` if it never did, `down` if its pod runs no agent,
# `none` if it has no pod, or else what went wrong.
look() {
    if said=$(peers "$1"); then
        [ "$said" = "[]" ] && echo new || echo member
    else
        why=$(at "$1" timeout 3 consul operator raft list-peers 2>&1)
        # Not every "connection refused" will do: a DNS server may refuse too.
        case $why in
        *": no such host"*)
            # DNS also knows no pod if the Service that lists them is missing.
            ! served "$1" && echo none || echo "runs, but the Service ${headless%%.*} does not list it (pulumi up creates it again)" ;;
        *":${headless##*:}: connect: connection refused"*) echo down ;;
        *) echo "does not answer: $said" | head -n 1 ;;
        esac
    fi
}

# Set $seen to what `look` prints about each server, and $member to the first server of a cluster.
look_at_all() {
    seen=$(for server in $EVERY_SERVER; do echo "$server $(look "$server")" & done | sort)
    member=$(echo "$seen" | grep ' member$' | head -n 1)
    member=${member%% *}
}

# `declared_before`: print how many servers were declared when the health check last ran; 0 if it never did. It stores
# the number, which is odd, as MinQuorum. Earlier versions stored the majority: 2 of 3, 4 of 7, and 3 of 5, which is taken
# for 3 until the health check runs again. A server knows MinQuorum without a leader, unless it has restarted since.
declared_before() {
    config=$(timeout 5 consul operator autopilot get-config -stale 2>&1) || { echo "${config:-no answer within 5 s}"; return 1; }
    quorum=$(echo "$config" | while read -r key _ value; do [ "$key" != MinQuorum ] || echo "$value"; done)
    quorum=${quorum:-0}
    echo $((quorum % 2 || quorum == 0 ? quorum : 2 * quorum - 1))
}

# `configure OPTION`: change autopilot's configuration, or end the script.
configure() {
    timeout 15 consul operator autopilot set-config "$1" || { echo "Autopilot's configuration could not be changed"; exit 1; }
}

problems() {
    if [ -z "$member" ]; then
        echo "$seen" | grep -Ev ' (none|down|new)$'
        return
    fi
    before=$(declared_before) || { echo "$before"; return; }
    found=$(servers) || { echo "$found"; echo "$seen" | grep -v ' none$'; return; }
    for server in $SERVERS; do
        raft=$(echo "$found" | grep "^$server ")
        seen_now=$(echo "$seen" | grep "^$server ")
        case "${raft#* }" in
        "leader true "* | "voter true "*)
            # Autopilot needs some seconds to find out that a server is dead.
            [ "$seen_now" != "$server member" ] || continue
            ;;
        "leader "* | "voter "*) ;;
        *)
            # A server that this update adds need not be in Raft.
            [ "$before" = 0 ] || [ "${server##*-}" -lt "$before" ] || continue
            ;;
        esac
        echo "$server is not a healthy voter (in Raft: ${raft:-no}; asked itself: ${seen_now#* })"
    done
    echo "$found" | grep -E '^unknown (leader|voter) '
}

# `elected`: set $found to the servers in Raft. Fail if there is no leader for $ELECTION_SECONDS s.
elected() {
    elected_by=$(($(date +%s) + ELECTION_SECONDS))
    until found=$(servers); do
        [ "$(date +%s)" -lt "$elected_by" ] || return 1
        sleep 1
    done
}

# `leaving LINES`: print the voters that are to go: those that are not healthy first, then the highest ordinal.
leaving() {
    echo "$1" | sort -k 3,3 -k 1,1r | while read -r name status _; do
        declared "$name" || [ "$status" = non-voter ] || [ "$name" = unknown ] || echo "$name"
    done
}

# `leader_age`: print for how many seconds the leader's autopilot has run at least: as long as it knows a stable server.
leader_age() {
    since=$(timeout 5 consul operator autopilot state -format=json | grep -o '"StableSince": "2[^.Z"]*' | sort | head -n 1)
    since=${since##*\"}
    since=$(date -u -d "${since%T*} ${since#*T}" +%s 2>&1) && echo $(($(date +%s) - since)) || echo 0
}

# `leave SERVER`: take a server out of Raft if the healthy servers that remain are a majority of the voters that remain.
leave() {
    leave_by=$(($(date +%s) + LEADER_AGE + 15))
    while :; do
        elected || { echo "$found"; return 1; }
        # Autopilot needs some seconds to find out that a server is dead.
        rest=$(echo "$found" | grep -v "^$1 " | while read -r name status well id; do
            [ "$well" != true ] || [ "$(look "$name")" = member ] || well=false
            echo "$name $status $well $id"
        done)
        if [ "$(healthy "$rest")" -lt "$(majority "$(voters "$rest")")" ]; then
            why="of the $(voters "$rest") voters that would remain, only $(healthy "$rest") are healthy"
        elif echo "$found" | grep -q "^$1 leader "; then
            successor=$(echo "$rest" | grep ' voter true ' | sort | head -n 1)
            why="it leads: $(timeout 15 consul operator raft transfer-leader -id="${successor##* }" 2>&1)"
        elif [ "$(leader_age)" -lt "$LEADER_AGE" ]; then
            why="the leader must have run for $LEADER_AGE s"
        else
            break
        fi
        # On a busy machine, autopilot may take a healthy server for unhealthy for some seconds.
        [ "$(date +%s)" -lt "$leave_by" ] || { echo "$1 cannot leave: $why"; return 1; }
        sleep 1
    done
    # A server that answers leaves by itself. Its container restarts, and the server joins as a non-voter.
    at "$1" timeout 15 consul leave || timeout 15 consul force-leave "$1"
    left_by=$(($(date +%s) + 30))
    while [ "$(date +%s)" -lt "$left_by" ]; do
        ! found=$(servers) || echo "$found" | grep -Eq "^$1 (leader|voter) " || { echo "$1 has left Raft"; return 0; }
        sleep 1
    done
    echo "$1 is still a voter after 30 s"
    return 1
}

set -- $SERVERS
[ "$STARTS_OVER" = false ] || { echo "The cluster was never healthy. It starts over, with new volumes."; exit; }

started=$(date +%s)
deadline=$((started + TIMEOUT))
quiet=0
while :; do
    look_at_all
    [ -z "$member" ] || CONSUL_HTTP_ADDR=$(url "$member")
    [ -z "${MANAGEMENT_DIR-}" ] || choose_management_token >/dev/null
    found=$(problems)
    [ -z "$found" ] && quiet=$((quiet + 1)) || quiet=0
    now=$(date +%s)
    # In a rolling update, all servers can look healthy for a second between two restarts, so require three looks in a
    # row; but one is enough if no server has a pod. A look that reached no server says nothing: the network of a new
    # pod may need some seconds.
    if [ "$quiet" = 3 ] || ! echo "$seen" | grep -qv ' none$'; then
        break
    elif [ -n "$found" ] && [ "$ALLOW_DEGRADED" = true ] && { [ -n "$member" ] || [ "$now" -ge "$deadline" ]; }; then
        echo "allowDegraded is true, so the update goes on although not every server is a healthy voter:"
        echo "$found"
        break
    elif expired "$found" && [ "$now" -lt $((started + RELOAD_TIMEOUT)) ]; then
        # This update has renewed the certificates. After the servers have reloaded them, they get $TIMEOUT s to recover.
        deadline=$(($(date +%s) + TIMEOUT))
    elif [ -n "$found" ] && [ "$now" -ge "$deadline" ]; then
        echo "Not every server is a healthy voter, so no server may be restarted or removed. No server was changed."
        echo "$found"
        ! expired "$found" ||
            echo "If this update changes caKeys, set it back, run pulumi up to renew the certificates, and then change it."
        echo "Bring these servers back and run pulumi up again; or set allowDegraded to true for one update."
        exit 1
    fi
    sleep 1
done

[ -z "$member" ] || { check_gossip && check_ca; } || exit 1
if [ -n "$member" ] && elected; then
    [ -n "$(leaving "$found")" ] && seconds=$STABILIZATION || seconds=10
    configure -server-stabilization-time="${seconds}s"
    # Again, because autopilot may let a server vote again.
    for attempt in first second third; do
        [ -n "$(leaving "$found")" ] || break
        for server in $(leaving "$found"); do
            leave "$server" || exit 1
        done
        sleep "$RECONCILED"
        elected || { echo "$found"; exit 1; }
    done
    [ -z "$(leaving "$found")" ] || { echo "These servers vote again after they have left: $(leaving "$found")"; exit 1; }
    # If the update is interrupted and taken back, the next one adds the servers that have left.
    before=$(declared_before) || { echo "$before"; exit 1; }
    [ "$before" -le $# ] || configure -min-quorum="$#"
elif [ -n "$member" ] && [ "$ALLOW_DEGRADED" != true ]; then
    echo "The cluster has lost its leader: $found"
    exit 1
else
    # There is no quorum that a restart could take. But no server can leave Raft, so none may be removed.
    undeclared=$(echo "$seen" | grep -Ev ' (none|new)$' | while read -r name _; do declared "$name" || echo "$name"; done)
    known="" before=0
    if [ -n "$member" ]; then
        known=$(peers "$member") || { echo "$member does not answer: $known"; exit 1; }
        before=$(declared_before) || before=0
    fi
    if [ -n "$undeclared" ] || [ "$before" -gt $# ] || [ "$(echo "$known" | grep -o '"[^"]*"' | grep -c .)" -gt $# ]; then
        echo "Without a leader, no server can leave Raft: set serverReplicas back. Before, it was $before (0: unknown)."
        echo "Servers in Raft: ${known:-unknown}"
        echo "$seen"
        exit 1
    fi
    [ -n "$member" ] && echo "There is no leader." || echo "No server reports a cluster."
fi
echo "The servers may be updated"
