"""HTTP over the Unix socket. Translates between requests and the daemon's controls; decides nothing."""
