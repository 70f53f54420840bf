# `expired TEXT`: succeed if a server's or a program's message says that a certificate has expired, or is not yet valid.
expired() { case $1 in *"certificate has expired"* | *"not yet valid"*) ;; *) return 1 ;; esac }
