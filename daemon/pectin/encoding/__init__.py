"""Runs ffmpeg and ffprobe: arguments from a plan, progress from their output, errors from their exit. Nothing here decides
what to produce."""
