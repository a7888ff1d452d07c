"""Every kind of source there is a promise about, each once: what it is, how it is made, and what must be decided for it.

The README's table, the probes in tests/data/probes, the table of the unit tests and the films of the integration tests are made
from this one list."""

from __future__ import annotations

from sources.containers import CONTAINERS
from sources.phrases import Source
from sources.pictures import PICTURES
from sources.sounds import SOUNDS
from sources.texts import TEXTS
from sources.wishes import WISHES

SOURCES: tuple[Source, ...] = (*CONTAINERS, *PICTURES, *SOUNDS, *TEXTS, *WISHES)
BY_NAME = {source.name: source for source in SOURCES}
