"""The configuration: one schema that validates, makes the commented example, the editor schema and the messages.

Only service.py and the command line see it whole; every other room takes its own policy values."""
