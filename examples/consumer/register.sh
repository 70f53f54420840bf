# Keeps this pod's instance registered with a Consul client, and takes it away when the pod ends.
set -u

# Registering, checking and taking away are one client's business: for a pod it is always the same.
choose() {
    shift $((0x$(echo "$POD_NAME" | md5sum | cut -c 1-7) % $#))
    echo "$1"
}
client=$(choose $CONSUL_CLIENTS)

# The token is in a file, since an argument or a variable would show.
call() {
    path=$1
    shift
    curl --silent --max-time 8 --cacert /consul/ca.pem --header @/consul/header "$@" "$client/v1/agent/$path"
}

put() {
    call "$@" --request PUT --show-error --write-out "$1 at $client: %{http_code}\n"
}

registered() {
    call "service/$POD_NAME" --fail --output /dev/null
}

register() {
    put service/register --data "$REGISTRATION"
}

# A client that is not ready cannot be found by its name, so this is tried for a while.
deregister() {
    put "service/deregister/$POD_NAME" --retry 20 --retry-delay 1 --retry-max-time 20 --retry-all-errors
}
trap 'deregister; exit' TERM

# A client forgets with its pod. What it knows is not registered again, since that would begin its check anew.
while true; do
    registered || register
    sleep 2 &
    wait $!
done
