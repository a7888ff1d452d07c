"""What ffmpeg may say while it reads a finished set for web players, and what it may not."""

from __future__ import annotations

import pytest

from pectin.model.errors import PectinError
from pectin.pipeline.hls_judging import _must_be_silent

MEMORY = "Warning: using insecure memory!"  # libgcrypt's, wherever it may not lock memory: so in the unit's sandbox


def test_what_a_library_says_of_itself_is_no_reason_to_leave_a_set_out() -> None:
    _must_be_silent(f"{MEMORY}\n\nCan't support the subtitle(uri: subs/ger.m3u8)\n")


def test_a_word_about_the_set_is_one() -> None:
    with pytest.raises(PectinError, match="Packet corrupt"):
        _must_be_silent(f"{MEMORY}\n[hls @ 0x1] Packet corrupt (stream = 0)\n")
