"""The certificate authority, the certificates, and the random secrets of a cluster."""
