# Create or update the ACL policies and tokens of the agents and of `serviceTokens`, and delete tokens that this script
# created and that are no longer declared. Idempotent. After $TIMEOUT seconds, print the last error and fail.
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

deadline=$(($(date +%s) + TIMEOUT))
until said=$(make_all 2>&1); do
    if [ "$(date +%s)" -ge "$deadline" ]; then
        echo "The ACLs are not in place after $TIMEOUT s:"
        echo "$said"
        exit 1
    fi
    sleep 1
done
echo "The ACLs are in place"
