# Create or update the ACL policies and tokens of the agents and of `serviceTokens`, and delete tokens that this script
# created and that are no longer declared. Idempotent. Wait $SERVERS_TIMEOUT seconds for a server that knows a leader, and
# then $TIMEOUT seconds for success; after that, print the last error and fail.
set -u

# `put PATH FILE`: read the management token from a file, and discard the response because it contains tokens.
put() {
    curl --silent --show-error --fail --output /dev/null --max-time 10 --cacert "$CONSUL_CACERT" \
        --header "@$ACL_DIR/tokens/header" --request PUT --data "@$2" "$CONSUL_HTTP_ADDR/v1/acl/$1"
}

# Create the policy. If it exists, look up the ID that Consul assigned and update it.
make_policy() {
    put policy "$1" 2>/dev/null && return
    found=$(consul acl policy read -name "$(basename "$1" .json)") || return
    id=$(echo "$found" | while read -r key value; do [ "$key" != ID: ] || echo "$value"; done)
    put "policy/$id" "$1"
}

make_token() {
    put token "$1" 2>/dev/null || put "token/$(basename "$1" .json)" "$1"
}

remove_undeclared() {
    tokens=$(consul acl token list) || return
    echo "$tokens" | while read -r key value; do
        case "$key$value" in
        AccessorID:*) accessor=$value ;;
        "Description:consul-cluster "*)
            [ -e "$ACL_DIR/tokens/$accessor.json" ] || consul acl token delete -accessor-id "$accessor" || return
            ;;
        esac
    done
}

make_all() {
    for file in "$ACL_DIR"/policies/*.json; do
        make_policy "$file" || return
    done
    for file in "$ACL_DIR"/tokens/*.json; do
        make_token "$file" || return
    done
    remove_undeclared
}

# The Service in $CONSUL_HTTP_ADDR leads only to servers that know a leader.
servers_answer() {
    curl --silent --show-error --fail --output /dev/null --max-time 3 --cacert "$CONSUL_CACERT" \
        "$CONSUL_HTTP_ADDR/v1/status/leader"
}

# `retry SECONDS PROBLEM COMMAND`: run a command until it succeeds. After so many seconds, print the problem and the
# last error, and fail.
retry() {
    deadline=$(($(date +%s) + $1))
    until said=$("$3" 2>&1); do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            echo "$2 after $1 s:"
            echo "$said"
            exit 1
        fi
        sleep 1
    done
}

# At a stack's first update, the servers start at the same time as this script.
retry "$SERVERS_TIMEOUT" "No server answers" servers_answer
retry "$TIMEOUT" "The ACLs are not in place" make_all
echo "The ACLs are in place"
