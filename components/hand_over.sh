# Before a leader ends: hand over to the first server. Consul itself would pick any, and when the number of servers
# shrinks, that may be one that is about to end as well; calls then fail until both are gone.
peers=$(consul operator raft list-peers) || exit 0
echo "$peers" | grep -q "^$POD_NAME .* leader " || exit 0
echo "$peers" | while read -r name id _ _ voter _; do
    if [ "$name $voter" = "${POD_NAME%-*}-0 true" ] && [ "$name" != "$POD_NAME" ]; then
        consul operator raft transfer-leader -id="$id"
    fi
done
