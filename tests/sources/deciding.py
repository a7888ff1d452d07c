"""What is decided for the sources of the catalogue, from their kept probes: no ffmpeg is needed, and nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from pectin.model.errors import MEANINGS
from pectin.model.media import Layout, MediaInfo
from pectin.model.plan import Method, Plan, Reason
from pectin.model.profile import Profile
from pectin.planning import plan, probe, rules
from pectin.settings.sections import Settings
from pectin.settings.values import profiles
from sources.catalogue import SOURCES
from sources.phrases import Source

PROBES = Path(__file__).resolve().parents[1] / "data" / "probes"
_NOTHING_ELSE = {Method.FILE: "All of it plays everywhere as it is.", Method.REMUX: "Everything is copied into an MP4."}
# What the daemon reads from an MP4's own boxes, where the file is right as it is.
_RIGHT = Layout(faststart=True, fragmented=False, plain_edits=True, texts_enabled=False)


def probed(source: Source) -> MediaInfo:
    """What ffprobe has said of it."""
    return probe.parse(json.loads((PROBES / f"{source.name}.json").read_text(encoding="utf-8")))


def profile_of(source: Source) -> Profile:
    """The default profile with the wishes of this source, read as a configuration is read."""
    return _profile(json.dumps(source.wishes))


@cache
def _profile(wishes: str) -> Profile:
    return profiles(Settings.model_validate({"profiles": {"wished": json.loads(wishes)}}))["wished"]


def planned(source: Source) -> Plan:
    """The plan of a source that is not refused."""
    layout = _RIGHT if source.method is Method.FILE else None
    return plan.decide(replace(probed(source), layout=layout), profile_of(source), source.measured)


def rows() -> Iterator[tuple[str, str, str]]:
    """For the README: what comes in, what is done with it, and why, in the plan's own sentences. Streams that are copied because
    they fit need no word."""
    for source in SOURCES:
        wished = "".join(f", `{key}: {value if isinstance(value, str | int) else ', '.join(value)}`"
                         for key, value in source.wishes.items())
        what = f"{source.what} (`{Path(source.name).suffix}`){wished}"
        if source.refused is not None:
            refusal = rules.refusals(probed(source), profile_of(source))[0]
            yield what, "refused", f"{MEANINGS[refusal.cause].sentence} ({refusal.detail})"
        else:
            decided = planned(source)
            why = " ".join(stream.sentence for stream in decided.streams if stream.reason is not Reason.FITS)
            yield what, decided.method.value, why or _NOTHING_ELSE[decided.method]
