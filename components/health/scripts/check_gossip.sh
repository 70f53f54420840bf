# `not_ready`: print why a new pod and the running members could not read each other's messages, if the new pod had the gossip
# keys with the fingerprints $GOSSIP_FINGERPRINTS, the first as primary key. look_at_keys comes before it.
not_ready() {
    primary=${GOSSIP_FINGERPRINTS%% *}
    fingerprints=$(for pair in $keys; do echo "$(fingerprint "${pair%:*}"):${pair##*:}"; done)
    among "$primary:$all" $fingerprints ||
        echo "Not every member has the key with the fingerprint $primary, which would become the primary key"
    for pair in $primary_keys; do
        used=$(fingerprint "${pair%:*}")
        among "$used" $GOSSIP_FINGERPRINTS ||
            echo "${pair##*:} of $all members use the key with the fingerprint $used, which gossipKeys does not list"
    done
}

# Fail if the members are not ready for the keys, or do not all answer within $TIMEOUT s; $ALLOW_DEGRADED permits the latter.
# gossip.sh comes before this file.
check_gossip() {
    answer_by=$(($(date +%s) + TIMEOUT))
    until look_at_keys; do
        if [ "$(date +%s)" -ge "$answer_by" ]; then
            echo "Not every member has told its gossip keys within $TIMEOUT s: $said"
            [ "$ALLOW_DEGRADED" = true ] || return 1
            echo "allowDegraded is true, so the update goes on."
            return 0
        fi
        sleep 1
    done
    found=$(not_ready)
    [ -n "$found" ] || return 0
    echo "The members are not ready for the gossip keys of the setting gossipKeys. Their keys have not changed."
    echo "$found"
    echo "If gossipKeys has changed, set it back and run pulumi up. See docs/operations.md, Rotate the gossip key."
    return 1
}
