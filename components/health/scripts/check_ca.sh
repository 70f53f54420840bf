# `unready_agents`: print each agent that does not trust the CA that is to sign, the first of $CA_KEYS, or whose certificate
# is of a CA that is not in $CA_KEYS, which the others would not trust. Ask all agents at the same time.
unready_agents() {
    listed=$(consul members 2>&1) || { echo "$listed"; return; }
    echo "$listed" | while read -r name _ status type _; do
        case $status:$type:$name in
        "alive:server:${headless%%.*}-"*) unready "$name" "$name.$headless" </dev/null & ;;
        "alive:client:${CLIENT_SERVICE%%.*}-"*) unready "$name" "$name.$CLIENT_SERVICE:${headless##*:}" </dev/null & ;;
        esac
    done | sort
}

# `unready NAME ADDRESS`: print why an agent is not ready. Its certificate says who signed it, and in its subject which CAs the
# agent trusts (components/trust/authority.py).
unready() {
    # --insecure reads also a certificate that has expired.
    said=$(curl --verbose --silent --show-error --insecure --max-time 3 --output /dev/null \
        "https://$2/v1/status/leader" 2>&1)
    case $said in
    *" issuer: "*) ;;
    *) [ "$ALLOW_DEGRADED" = true ] || echo "$1 does not answer: $(echo "$said" | grep '^curl: ')"; return ;;
    esac
    issuer=$(echo "$said" |
        sed -n -e 's/.* issuer: .*CN *= *Consul CA \([0-9]*\)$/\1/p' -e 's/.* issuer: .*CN *= *Consul CA$/1/p')
    trusted=$(echo "$said" | sed -n 's/.* subject: .*OU *= *trusts CA \([0-9 ]*\).*/\1/p')
    among "${issuer:-unknown}" $CA_KEYS ||
        echo "$1 has a certificate of CA ${issuer:-unknown}, which caKeys does not list"
    among "${CA_KEYS%% *}" ${trusted:-1} || echo "$1 does not trust CA ${CA_KEYS%% *}, which would sign"
}

# Fail if some agents would not trust others after the update, or do not answer, which $ALLOW_DEGRADED permits. gossip.sh comes
# before this file.
check_ca() {
    ready_by=$(($(date +%s) + TIMEOUT))
    while found=$(unready_agents); [ -n "$found" ]; do
        if [ "$(date +%s)" -ge "$ready_by" ]; then
            echo "Not every agent is ready for the CAs of the setting caKeys: $CA_KEYS"
            echo "$found"
            echo "If caKeys has changed, set it back and run pulumi up: docs/operations.md, Rotate the CA. If an agent does not"
            echo "answer, restart its pod, or set allowDegraded to true for one update."
            return 1
        fi
        sleep 1
    done
}
