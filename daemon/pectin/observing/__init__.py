"""How Pectin is seen: metrics, logs, systemd. Reads, never steers."""
