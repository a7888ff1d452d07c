"""By how much a sound track becomes louder or quieter, to be as loud as the profile wants it."""

from __future__ import annotations

from pectin.model.measured import Loudness

_CLOSE_ENOUGH = 0.5  # LU; by so much a programme may be off in EBU R128
_SILENCE = -69.0  # LUFS; ffmpeg's ebur128 says -70 of silence, and of less than 0.4 s
_MOST = 20.0  # dB; more would make noise of a whisper
_HIGHEST_PEAK = -1.0  # dBTP; EBU R128
# By how many dB the peaks may then be too loud: a limiter holds so much back. With more the whole film would be heard to pump.
_HELD_BACK = 12.0


def gain(wanted: float | None, found: Loudness | None) -> float | None:
    """dB that bring a track to `wanted` LUFS. None: it is loud enough as it is, it was not measured, or it is silent."""
    if wanted is None or found is None or found.integrated <= _SILENCE:
        return None
    most = max(0.0, min(_MOST, _HIGHEST_PEAK - found.peak + _HELD_BACK))
    change = round(min(wanted - found.integrated, most), 2)
    return change if abs(change) > _CLOSE_ENOUGH else None
