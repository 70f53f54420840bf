# Command of a client; its arguments are those of the agent. Wait until a server that knows a leader accepts this client's
# token, and only then start the agent: its first call to a server, for its certificate (auto_encrypt), then succeeds.
# After a failed call, an agent waits twice as long each time, up to 10 minutes. Beside the agent, a loop joins the servers
# again.
# keyring.sh comes before this file.
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

# Join the servers every 20 s; an agent needs up to 10 s for each that does not answer. If the agent's gossip has ended,
# stop it, so that Kubernetes restarts the container (components/agents/README.md, Restart). A leaving agent answers the
# same, but ends within 15 s.
stay_joined() {
    while sleep 20; do
        said=$(token | curl --silent --max-time 90 --header @- --request PUT "$JOIN_URL")
        case $said in
        *"after Leave or Shutdown"*)
            sleep 15
            echo "This client is no longer a member of the cluster. Stopping its agent: $said"
            # The process group, which contains the agent. Kubernetes would turn "kill $$" into "kill $".
            kill 0
            ;;
        esac
    done
}

# In the background, because a shell handles a signal only between two foreground commands.
trap 'kill $!; exit 143' TERM
wait_for_servers &
wait $!
stay_joined &
copy_keyring || exit
exec consul agent "$@"
