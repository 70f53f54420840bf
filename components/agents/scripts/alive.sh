# Liveness probe of a server: succeed if the agent answers at the URL $1, and its Raft log in the directory $2 needs no
# restart (components/agents/README.md, Full disk). A new file of the log has 64 MiB, and its first entry writes the header.
# Only a file that this agent has created counts: Kubernetes creates $3 with the container, and a new file changes $2.
# The agent is the process $4.
set -u
curl --silent --fail --max-time 4 --output /dev/null "$1/v1/status/leader" || { echo "The agent does not answer"; exit 1; }
[ "$2" -nt "$3" ] || exit 0
for file in "$2"/*.wal; do
    if [ "$file" -nt "$3" ] && [ "$(stat -c %s "$file")" -lt 67108864 ] && [ -z "$(head -c 4 "$file" | tr -d '\000')" ] &&
        # Consul creates the file first, and then gives it its size.
        [ $(($(date +%s) - $(stat -c %Y "$file"))) -ge 3 ]; then
        echo "The disk was full when Consul created $file. The server restarts."
        # At once, instead of after some failures: if Raft takes a snapshot before, the log is useless also after a restart.
        kill "$4"
        exit 1
    fi
done
