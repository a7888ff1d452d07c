"""Which film comes first when several wait, in the inbox as in the queue."""

from __future__ import annotations

from enum import StrEnum


class Order(StrEnum):
    """The value is the word of the configuration."""

    OLDEST = "oldest"      # the one that came first
    NAME = "name"          # the first by its path below the inbox, whatever its case
    SMALLEST = "smallest"  # the least bytes
