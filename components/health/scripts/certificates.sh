# `outdated`: print each address at which an agent of $MEMBERS does not serve its current certificate, and why; at most five.
# Compare the validity, which every version of curl with OpenSSL prints.
outdated() {
    count=0
    for member in $MEMBERS; do
        case $member in
        server:*) expected=$SERVER_VALIDITY service=$SERVER_SERVICE ports=$SERVER_PORTS ;;
        *) expected=$CLIENT_VALIDITY service=$CLIENT_SERVICE ports=$CLIENT_PORTS ;;
        esac
        for port in $ports; do
            address=${member#*:}.$service:$port
            # Only the handshake matters. The request fails at the RPC port, which accepts no ALPN, and at the gRPC port,
            # which requires it.
            said=$(curl --verbose --silent --show-error --no-alpn --max-time 3 --cacert "$CONSUL_CACERT" \
                --output /dev/null "https://$address/" 2>&1)
            validity=$(echo "$said" | grep -Eo '(start|expire) date: .*')
            case $validity in
            "$expected") continue ;;
            ?*) echo "$address: another certificate," $validity ;;
            *) echo "$address: $(echo "$said" | grep '^curl: ')" ;;
            esac
            count=$((count + 1))
            [ "$count" -lt 5 ] || return 0
        done
    done
}
