"""Understands which codecs an ffmpeg can decode: builds differ."""

from __future__ import annotations

import re

# ` D.A.L. aac                  AAC (Advanced Audio Coding) (decoders: aac aac_fixed)`: six flags, the first for decoding.
_LINE = re.compile(r" D[.E][VASDT][.I][.L][.S] (\S+)")


def decodable(listing: str) -> frozenset[str]:
    """The codecs, by ffprobe's names, out of what `ffmpeg -codecs` prints. (`-decoders` names the decoders, which are called
    otherwise: `dca` decodes `dts`.)"""
    return frozenset(found[1] for line in listing.splitlines() if (found := _LINE.match(line)))
