"""What every stream of an output carries: its language, its title and its flags."""

from __future__ import annotations

from pectin.model.plan import StreamDecision

Argv = tuple[str, ...]


def labels(of: str, stream: StreamDecision, handler: str, container: str = "mp4") -> Argv:
    """Language, title and flags of output stream `of` (`a:0`). MP4 has no title: Jellyfin reads handler_name there, except
    ffmpeg's own default names, one of which is `handler`."""
    flags = [name for name, is_set in (
        ("default", stream.default), ("forced", stream.forced), ("comment", stream.comment),
        ("hearing_impaired", stream.hearing_impaired), ("visual_impaired", stream.visual_impaired), ("dub", stream.dub),
        ("original", stream.original)) if is_set]
    title, name = ("", stream.title or handler) if container == "mp4" else (stream.title or "", "")
    return (f"-metadata:s:{of}", f"language={stream.language or 'und'}", f"-metadata:s:{of}", f"title={title}",
            f"-metadata:s:{of}", f"handler_name={name}", "-disposition:" + of, "+".join(flags) or "0")
