"""The command line. Speaks to the daemon over its socket; only `plan`, `config` and `doctor` work without one."""
