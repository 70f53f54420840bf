# Command of a client; its arguments are those of the agent. Wait until a server that knows a leader accepts this client's
# token, and only then start the agent: its first call to a server, for its certificate (auto_encrypt), then succeeds.
# After a failed call, an agent waits twice as long each time, up to 10 minutes.
set -u

answer() { timeout 3 consul catalog nodes -service=consul -http-addr="$SERVERS" -ca-file="$CA_FILE" 2>&1; }
wait_for_servers() {
    silent_until=0
    until said=$(answer); do
        case $said in '' | Terminated) said="no answer within 3 s" ;; esac
        now=$(date +%s)
        if [ "$now" -ge "$silent_until" ]; then
            echo "Waiting for a server at $SERVERS: $said"
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
