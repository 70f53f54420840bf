# `outdated_tokens`: print each agent of $MEMBERS that has not loaded the tokens of the generation $TOKEN_GENERATION, and its
# answer; at most five. acl.json sets the generation in the agent's metadata. Read it from `Meta`: `DebugConfig.NodeMeta` has
# the value with which the agent started.
outdated_tokens() {
    count=0
    for member in $MEMBERS; do
        case $member in
        server:*) service=$SERVER_SERVICE ;;
        *) service=$CLIENT_SERVICE ;;
        esac
        said=$({ printf 'X-Consul-Token: '; cat "$CONSUL_HTTP_TOKEN_FILE"; } |
            curl --silent --show-error --fail --max-time 3 --cacert "$CONSUL_CACERT" --header @- \
                "https://${member#*:}.$service:$HTTPS_PORT/v1/agent/self" 2>&1)
        used=$(echo "$said" | grep -o '"Meta":{[^}]*}' | grep -o "\"$GENERATION_META\":\"[0-9]*\"" | tr -cd 0-9)
        case $said in
        curl:*) echo "$member: $said" ;;
        *)
            [ "$used" != "$TOKEN_GENERATION" ] || continue
            echo "$member uses tokens of the generation ${used:-unknown}"
            ;;
        esac
        count=$((count + 1))
        [ "$count" -lt 5 ] || return 0
    done
}
