# Makes the policies and tokens of the cluster's agents and of other projects' services, and takes away those tokens of
# its own making that are no longer declared. Each run ends with the same result; after $TIMEOUT seconds it says what failed.
set -u

# `put PATH FILE`: the management token is read from a file, and what is answered, tokens among it, goes nowhere.
put() {
    curl --silent --show-error --fail --output /dev/null --max-time 10 --cacert "$CONSUL_CACERT" \
        --header "@$ACL_DIR/tokens/header" --request PUT --data "@$2" "$CONSUL_HTTP_ADDR/v1/acl/$1"
}

# What there is already is brought up to date; a policy is then called by the ID that Consul gave it.
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
