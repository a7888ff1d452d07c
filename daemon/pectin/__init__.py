"""Pectin: transcodes videos ahead of time so that a Jellyfin server never has to do it live.

The rooms are the stages of one file on its way; the README has the picture."""

__version__ = "0.1.0"
