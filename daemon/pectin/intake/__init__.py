"""From the inbox to the work queue: notice files, know when one is really finished, move it in. Nothing here reads a film's
content beyond its structure, and nothing here knows jobs beyond their id and folder."""
