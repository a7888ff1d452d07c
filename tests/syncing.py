"""Measures whether sound and picture belong together: films that flash and beep in the same moment, and when a file does each.

    film = flash_and_beep(clips, "late.mkv", rate="50")
    assert max(map(abs, offsets(film))) < 0.02

A film flashes at whole frames, at moments that are not evenly spaced: no large error can look like a small one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from clips import Clips
from needs import need_program

MOMENTS = (1.0, 2.0, 3.6)  # seconds; whole frames at 25, 30, 50 and 60 per second
SECONDS = 4.4              # how long a film is by default
TOLERANCE = 0.020          # seconds: what nobody hears or sees
_FLASH, _BEEP = 0.12, 0.1  # seconds each lasts
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_MOMENT = re.compile(r"pts_time:(-?[\d.]+)")
_LUMA = re.compile(r"YAVG=([\d.]+)")
_BEGIN = re.compile(r"silence_end=(-?[\d.]+)")


def sources(*, seconds: float = SECONDS, at: Sequence[float] = MOMENTS, rate: str = "25", size: str = "160x120",
            channels: int = 1) -> tuple[str, str]:
    """The lavfi sources of picture and sound, for arguments of one's own: `-f lavfi -i PICTURE -f lavfi -i SOUND`."""
    # Half a millisecond early, so that rounding never moves a flash to the next frame.
    flashing = "+".join(f"between(t,{moment - 0.0005:.4f},{moment + _FLASH:.4f})" for moment in at)
    beeping = "+".join(f"gte(t,{moment:g})*lt(t,{moment + _BEEP:g})" for moment in at)
    tone = f"0.5*sin(2*PI*1000*t)*({beeping})"
    picture = f"color=black:s={size}:r={rate}:d={seconds:g},drawbox=c=white:t=fill:enable='{flashing}'"
    return picture, f"aevalsrc='{'|'.join([tone] * channels)}':s=48000:d={seconds:g}"


def flash_and_beep(clips: Clips, name: str, *, seconds: float = SECONDS, at: Sequence[float] = MOMENTS, rate: str = "25",
                   video: Sequence[str] = _X264, audio: Sequence[str] = ("-c:a", "aac"), channels: int = 2,
                   extra: Sequence[str] = (), video_offset: float = 0.0, audio_offset: float = 0.0) -> Path:
    """A film that is in sync. An offset moves a whole stream by so many seconds: the file is then out of sync by it on purpose
    (`offsets` tells). `extra` stands before the file's name."""
    picture, sound = sources(seconds=seconds, at=at, rate=rate, channels=channels)
    return clips.make(name, ["-itsoffset", f"{video_offset:g}", "-f", "lavfi", "-i", picture,
                             "-itsoffset", f"{audio_offset:g}", "-f", "lavfi", "-i", sound, *video, *audio, *extra])


def flashes(film: Path) -> list[float]:
    """When the picture turns bright, in seconds by the file's own clock (transport streams begin at 1.4)."""
    lines = _filtered(film, "-map", "0:v:0", "-fps_mode", "passthrough",
                      "-vf", "scale=16:16,format=gray,signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-")
    moments = [float(moment) for moment in _MOMENT.findall(lines)]
    lumas = [float(luma) for luma in _LUMA.findall(lines)]
    assert len(moments) == len(lumas), lines[:500]
    middle = (min(lumas) + max(lumas)) / 2
    return [moment for moment, before, luma in zip(moments[1:], lumas, lumas[1:], strict=False) if before <= middle < luma]


def beeps(film: Path, track: int = 0) -> list[float]:
    """When silence ends in sound track `track`, in seconds by the file's own clock. A sound that is there from the very
    first sample is no beep."""
    lines = _filtered(film, "-map", f"0:a:{track}",
                      "-af", "silencedetect=noise=-26dB:duration=0.05,ametadata=mode=print:key=lavfi.silence_end:file=-")
    return [float(moment) for moment in _BEGIN.findall(lines)]


def offsets(film: Path, track: int = 0) -> list[float]:
    """For each beep, how many seconds after its flash it comes (below zero: before it). At least one beep must be there."""
    seen, heard = flashes(film), beeps(film, track)
    assert seen, f"{film} does not flash"
    assert heard, f"{film} does not beep"
    return [beep - min(seen, key=lambda flash: abs(flash - beep)) for beep in heard]


def _filtered(film: Path, *arguments: str) -> str:
    """What the filters print. -copyts: of a transport stream ffmpeg would else count from the first packet of the one stream that
    is mapped, and not from the film's."""
    ffmpeg = need_program("ffmpeg", "ffmpeg")
    ran = subprocess.run([ffmpeg, "-nostdin", "-v", "error", "-threads", "1", "-copyts", "-i", str(film), *arguments,
                          "-f", "null", "-"],
                         capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.args}: {ran.stderr}"
    return ran.stdout
