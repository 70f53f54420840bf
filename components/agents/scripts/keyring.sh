# `copy_keyring`: copy the gossip keys from $KEYRING to the agent's own file, $AGENT_KEYRING. Only a new pod needs it: the
# agent's file has every later change at once, and the kubelet updates $KEYRING up to 150 s after its Secret. /tmp is an
# emptyDir, so a file in it lasts as long as the pod. If an agent was killed while it wrote its file, "]" is missing. A server
# whose disk is full can start if its file already has these keys.
copy_keyring() {
    copied=${TMPDIR:-/tmp}/keyring-copied
    [ -e "$copied" ] && [ "$(tail -c 1 "$AGENT_KEYRING")" = "]" ] && return
    if [ ! -e "$AGENT_KEYRING" ] || [ "$(keys_in "$AGENT_KEYRING")" != "$(keys_in "$KEYRING")" ]; then
        mkdir -p "${AGENT_KEYRING%/*}" && (umask 077 && cat "$KEYRING" >"$AGENT_KEYRING.new") &&
            mv "$AGENT_KEYRING.new" "$AGENT_KEYRING" || return
    fi
    touch "$copied"
}
keys_in() { tr -d ' \n\t' <"$1"; }
