"""Decides what to do with a source, before anything is touched. Pure: ffprobe's JSON goes in, a plan comes out, every stream
with its reason."""
