# Command of a server; its arguments are those of the agent. In a cluster that was healthy once ($FORMED_FILE exists), a
# server that has no data ($VOTER_FILE does not exist) starts only when there is a leader. Raft lets a server without data
# vote for any other (requestVote in hashicorp/raft's raft.go), also for one that lacks acknowledged writes.
# keyring.sh comes before this file.
set -u
leader() { curl --silent --fail --max-time 3 --cacert "$CA_FILE" "$SERVERS/v1/status/leader" | grep -q ':'; }

trap 'exit 143' TERM
silent_until=0
while [ -e "$FORMED_FILE" ] && [ ! -e "$VOTER_FILE" ] && ! leader; do
    now=$(date +%s)
    if [ "$now" -ge "$silent_until" ]; then
        echo "This server has no data, and starts when the others have a leader. See docs/operations.md, Replace a lost node."
        silent_until=$((now + 30))
    fi
    # In the background, because a shell handles a signal only between two foreground commands.
    sleep 1 &
    wait $!
done
copy_keyring || exit
exec consul agent "$@"
