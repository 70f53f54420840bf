# `accessor_of FILE`: print the accessor ID of the token in the file. Fail with a message if Consul does not know the token.
accessor_of() {
    answer=$(CONSUL_HTTP_TOKEN_FILE=$1 timeout 5 consul acl token read -self -stale 2>&1) || { echo "$answer"; return 1; }
    echo "$answer" | while read -r key value; do [ "$key" != AccessorID: ] || echo "$value"; done
}

# Use a management token in $MANAGEMENT_DIR that Consul knows: during a rotation, this may be the one of either generation. The
# names begin with the generation, so the older one comes first: Consul logs an error if it does not know a token. If Consul
# knows none, or no server answers, use the last one, and fail with a message.
choose_management_token() {
    for file in "$MANAGEMENT_DIR"/*; do
        export CONSUL_HTTP_TOKEN_FILE="$file"
        answer=$(accessor_of "$file") && return
    done
    echo "$answer"
    return 1
}
