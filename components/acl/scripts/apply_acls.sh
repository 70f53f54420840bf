# Create or update the declared ACL policies and tokens. Delete the tokens in $ACL_DIR/policies/revoked, which this stack has
# created and no longer declares. Idempotent. Wait $SERVERS_TIMEOUT seconds for a server that knows a leader, and then
# $TIMEOUT seconds for success; after that, print the last error and fail.
set -u

# `put PATH FILE`: read the management token from a file, and discard the response because it contains tokens.
put() {
    { printf 'X-Consul-Token: '; cat "$CONSUL_HTTP_TOKEN_FILE"; } |
        curl --silent --show-error --fail --output /dev/null --max-time 10 --cacert "$CONSUL_CACERT" \
            --header @- --request PUT --data "@$2" "$CONSUL_HTTP_ADDR/v1/acl/$1"
}

# Create the policy. If it exists, look up the ID that Consul assigned and update it.
make_policy() {
    put policy "$1" 2>/dev/null && return
    found=$(consul acl policy read -name "$(basename "$1" .json)") || return
    id=$(echo "$found" | while read -r key value; do [ "$key" != ID: ] || echo "$value"; done)
    put "policy/$id" "$1"
}

# Create the token. If it exists, update it; but not a management token that a leader has created from its configuration, with
# a random accessor ID.
make_token() {
    put token "$1" 2>/dev/null && return
    id=$(basename "$1" .json)
    for management in "$MANAGEMENT_DIR"/*"$id"; do
        [ ! -e "$management" ] || ! accessor_of "$management" >/dev/null || return 0
    done
    put "token/$id" "$1"
}

# Delete the revoked tokens, and each management token that a leader created from another configuration. Fail if a declared
# management token does not exist.
remove_tokens() {
    management_ids=$(for file in "$MANAGEMENT_DIR"/*; do accessor_of "$file" || exit; done) ||
        { echo "$management_ids"; return 1; }
    tokens=$(consul acl token list) || return
    echo "$tokens" | while read -r key value; do
        case "$key$value" in
        AccessorID:*)
            accessor=$value
            grep -qx "$accessor" "$ACL_DIR/policies/revoked" || continue
            ;;
        "Description:$INITIAL_MANAGEMENT") ! echo "$management_ids" | grep -qx "$accessor" || continue ;;
        *) continue ;;
        esac
        consul acl token delete -accessor-id "$accessor" || return
    done
}

make_all() {
    choose_management_token || return
    for file in "$ACL_DIR"/policies/*.json; do
        make_policy "$file" || return
    done
    for file in "$ACL_DIR"/tokens/*.json; do
        make_token "$file" || return
    done
    remove_tokens
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
