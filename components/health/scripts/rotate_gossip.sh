# `rotate`: if the members do not have exactly the declared gossip keys, print what is missing, and take the next step. The
# keys are in $KEYRING, the primary key first, and have the fingerprints $GOSSIP_FINGERPRINTS. Every member can read the
# messages of every other at each step: install a key before any member uses it, and remove a key after no member uses it.
# gossip.sh comes before this file.
rotate() {
    wanted=$(tr -d '[]" ' <"$KEYRING" | tr , ' ')
    primary=${wanted%% *}
    fingerprints=$(for key in $wanted; do fingerprint "$key"; done)
    # The kubelet may take some time to notice that the Secret has changed.
    [ "$(echo $fingerprints)" = "$GOSSIP_FINGERPRINTS" ] || { echo "$KEYRING does not have the declared keys yet"; return; }
    look_at_keys || { echo "$said"; return; }
    set -- $MEMBERS
    [ "$all" = $# ] || { echo "$all members have answered, and $# are declared"; return; }
    for key in $wanted; do
        among "$key:$all" $keys || { change POST "$key" "is not installed on every member"; return; }
    done
    among "$primary:$all" $primary_keys || { change PUT "$primary" "is not the primary key of every member"; return; }
    for pair in $keys; do
        among "${pair%:*}" $wanted || { change DELETE "${pair%:*}" "is not removed from every member"; return; }
    done
}

# `change METHOD KEY STATE`: change a key of all members, and print its state before.
change() {
    said=$(keyring "$1" "$2") || echo "$said"
    echo "The gossip key with the fingerprint $(fingerprint "$2") $3"
}
