# Keep this pod's instance registered with a Consul client, and deregister it when the pod stops.
set -u

# Only the client that registered an instance can check and deregister it, so a pod always chooses the same one.
choose() {
    shift $((0x$(echo "$POD_NAME" | md5sum | cut -c 1-7) % $#))
    echo "$1"
}
client=$(choose $CONSUL_CLIENTS)

# The token is in a file, because arguments and variables are visible to everyone who may read pods.
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

# The name of a client that is not ready does not resolve, so retry for 20 s.
deregister() {
    put "service/deregister/$POD_NAME" --retry 20 --retry-delay 1 --retry-max-time 20 --retry-all-errors
}
trap 'deregister; exit' TERM

# A client forgets its instances when its pod stops. Register only then, because registering restarts the health check.
while true; do
    registered || register
    sleep 2 &
    wait $!
done
