# Functions for the gossip keys of all members, https://developer.hashicorp.com/consul/api-docs/operator/keyring. No key is an
# argument of a program, because every process on the node can read those.

# `keyring METHOD [KEY]`: call the API. It fails unless every member answers.
keyring() {
    {
        printf 'header = "X-Consul-Token: %s"\n' "$(cat "${CONSUL_HTTP_TOKEN_FILE:-/dev/null}")"
        [ -z "${2-}" ] || printf 'data = "{\\"Key\\": \\"%s\\"}"\n' "$2"
    } | curl --silent --show-error --fail-with-body --max-time 30 --cacert "$CONSUL_CACERT" --request "$1" --config - \
        "$CONSUL_HTTP_ADDR/v1/operator/keyring" 2>&1
}

# Set $keys and $primary_keys to `KEY:MEMBERS` for each key that a member accepts, or with which it encrypts messages, and
# $all to the number of members. Fail with a message in $said.
look_at_keys() {
    said=$(keyring GET) || {
        # Half an answer may contain keys.
        case $said in *'"Keys"'*) said="the answer is incomplete" ;; esac
        return 1
    }
    keys=$(counted Keys) && primary_keys=$(counted PrimaryKeys)
    all=$(printf %s "$said" | sed 's/.*"NumNodes":\([0-9]*\).*/\1/')
}
counted() { printf %s "$said" | sed "s/.*\"$1\":{\([^}]*\)}.*/\1/" | tr -d '"' | tr , ' '; }

# `among TEXT TEXT…`: succeed if the first text is one of the others.
among() {
    sought=$1
    shift
    case " $* " in *" $sought "*) ;; *) return 1 ;; esac
}

# `fingerprint KEY`: the same as in components/trust/fingerprint.py.
fingerprint() { printf %s "$1" | sha256sum | cut -c 1-32; }
