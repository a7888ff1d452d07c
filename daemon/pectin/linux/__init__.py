"""The few things we ask of Linux: moving files durably, opening them without following links, child processes, one lock.
No room of ours but model/ is known here; every stage may use it."""
