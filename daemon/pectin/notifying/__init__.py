"""Tells the world: webhooks, Jellyfin, hooks. Each delivery is one attempt with one outcome; when to try again is decided by
the outbox loop."""
