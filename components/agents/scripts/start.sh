# Command of a client; its arguments are those of the agent. Wait until a server that knows a leader accepts this client's
# token, and only then start the agent: its first call to a server, for its certificate (auto_encrypt), then succeeds.
# After a failed call, an agent waits twice as long each time, up to 10 minutes.
set -fu

token() { [ -z "${CONSUL_HTTP_TOKEN_FILE-}" ] || printf 'X-Consul-Token: %s\n' "$(cat "$CONSUL_HTTP_TOKEN_FILE")"; }
answer() {
    token | curl --silent --show-error --fail-with-body --max-time 3 --cacert "$CA_FILE" --header @- \
        "$SERVERS/v1/catalog/service/consul" 2>&1
}
wait_for_servers() {
    silent_until=0
    until said=$(answer); do
        now=$(date +%s)
        if [ "$now" -ge "$silent_until" ]; then
            echo "Waiting for a server at $SERVERS:" $said
            silent_until=$((now + 30))
        fi
        sleep 1
    done
}

# In the background, because a shell handles a signal only between two foreground commands.
trap 'kill $!; exit 143' TERM
wait_for_servers &
wait $!
exec consul agent "$@"
