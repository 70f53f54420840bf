# Once a second: look up the healthy instances by Consul's DNS and by its HTTPS API, call each, and print one line.
set -u
trap exit TERM

by_dns() {
    nslookup "$SERVICE.service.$CONSUL_DOMAIN" "$CONSUL_DNS" |
        awk '/^Name:/ { found = 1 } found && /^Address/ { print $NF }'
}

by_https() {
    curl --silent --show-error --fail --max-time 5 --cacert /consul/ca.pem --header @/consul/header \
        "$CONSUL_ADDRESS/v1/health/service/$SERVICE?passing" | grep -o '"Service":{"ID":"[^"]*' | cut -d '"' -f 6
}

while true; do
    addresses=$(by_dns | sort)
    instances=$(by_https | sort)
    answers=$(for address in $addresses; do curl --silent --max-time 2 "http://$address:$PORT/"; done | sort)
    echo "DNS:" $addresses "HTTPS:" $instances "answers:" $answers
    sleep 1
done
