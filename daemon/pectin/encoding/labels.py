"""What every stream of an output carries: its language, its title and its flags."""

from __future__ import annotations

from pectin.model.plan import StreamDecision

Argv = tuple[str, ...]


def labels(of: str, stream: StreamDecision, handler: str) -> Argv:
    """Language, title and flags. MP4 has no title: Jellyfin reads handler_name, except ffmpeg's own default names."""
    flags = [name for name, is_set in (("default", stream.default), ("forced", stream.forced), ("comment", stream.comment),
                                       ("hearing_impaired", stream.hearing_impaired)) if is_set]
    return (f"-metadata:s:{of}", f"language={stream.language or 'und'}", f"-metadata:s:{of}", "title=",
            f"-metadata:s:{of}", f"handler_name={stream.title or handler}", "-disposition:" + of, "+".join(flags) or "0")
