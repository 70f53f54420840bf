# `servers`: print a line for each server in Raft: name, status (leader, voter or non-voter), healthy (true or false), ID.
# Fail with a message if there is no leader. `voters LINES` and `healthy LINES` count the voters, and the healthy ones.
# `majority COUNT` prints the majority of that many voters. The name is `unknown` until the leader has heard of the server.
servers() {
    state=$(timeout 5 consul operator autopilot state 2>&1) || { echo "${state:-no answer within 5 s}"; return 1; }
    state=$(echo "$state" | while read -r key value; do
        case $key in
        *-*-*-*-*) id=$key ;;
        Name:) name=$value ;;
        Status:) status=$value ;;
        Healthy:) [ -z "${status-}" ] || echo "${name:-unknown} $status $value $id" ;;
        esac
    done)
    # For some seconds after a server has started, autopilot knows no server yet.
    echo "$state" | grep -q ' leader ' || { echo "autopilot knows no leader yet"; return 1; }
    echo "$state"
}
voters() { echo "$1" | grep -Ec ' (leader|voter) '; }
healthy() { echo "$1" | grep -Ec ' (leader|voter) true '; }
majority() { echo $(($1 / 2 + 1)); }
