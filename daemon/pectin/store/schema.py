"""The tables, as numbered migrations. A migration that was released is never edited: a new one is added behind it.

Only plain SQL that SQLite 3.31 understands: the daemon uses the library of the distribution."""

from __future__ import annotations

# Paths are BLOBs: a file name on Linux is bytes, and any of them must come back as it was.
# job: the long texts come last, and what a list of jobs is sorted and searched by is in one index: paging through 100,000
# jobs then reads none of their plans. job.search is the path below the inbox, readable and case-folded: SQLite's own LIKE
# folds ASCII only.
# delivery.next_at: NULL when the row is done or waits behind an older one of its line (endpoint, job); so the rows that
# are due are found by an index, however many wait behind a dead endpoint.
# event has no foreign key to job: a job may be forgotten before the last endpoint has heard of it.
_FIRST = (
    """
    CREATE TABLE job (
        id TEXT PRIMARY KEY NOT NULL,
        state TEXT NOT NULL,
        stage TEXT NOT NULL,
        route TEXT NOT NULL,
        profile TEXT NOT NULL,
        inbox_path BLOB NOT NULL,
        relative BLOB NOT NULL,
        search TEXT NOT NULL,
        size INTEGER NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        attempts INTEGER NOT NULL,
        interruptions INTEGER NOT NULL,
        not_before REAL NOT NULL,
        started_at REAL,
        finished_at REAL,
        cause TEXT,
        message TEXT NOT NULL,
        media TEXT,
        plan TEXT,
        intent TEXT,
        outputs TEXT
    )
    """,
    "CREATE INDEX job_by_state ON job (state, not_before)",
    "CREATE INDEX job_list ON job (state, created_at, id, search)",
    """
    CREATE TABLE history (
        seq INTEGER PRIMARY KEY,
        job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        at REAL NOT NULL,
        from_state TEXT,
        to_state TEXT NOT NULL,
        transition TEXT,
        cause TEXT,
        message TEXT NOT NULL
    )
    """,
    "CREATE INDEX history_by_job ON history (job_id, seq)",
    """
    CREATE TABLE event (
        id TEXT PRIMARY KEY NOT NULL,
        type TEXT NOT NULL,
        job_id TEXT NOT NULL,
        at REAL NOT NULL,
        data TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE delivery (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL REFERENCES event (id),
        endpoint TEXT NOT NULL,
        job_id TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_at REAL,
        last_error TEXT NOT NULL DEFAULT '',
        done_at REAL,
        dropped INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX delivery_line ON delivery (endpoint, job_id, seq) WHERE done_at IS NULL",
    "CREATE INDEX delivery_due ON delivery (next_at, seq) WHERE next_at IS NOT NULL",
    "CREATE INDEX delivery_due_of ON delivery (endpoint, next_at, seq) WHERE next_at IS NOT NULL",
    "CREATE INDEX delivery_of_event ON delivery (event_id)",
    "CREATE INDEX delivery_done ON delivery (done_at) WHERE done_at IS NOT NULL",
    "CREATE TABLE flag (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID",
)

# job.fingerprint: the source's size and sampled blocks (model/fingerprint.py). job.left_behind: what stays in the inbox although
# the job was made from it, as JSON. job.purged_at: when the original was removed (NULL: it is there). history.times, last_at: the
# same trouble again counts up one row (last_at NULL: it was once).
# output: what we made ourselves, to know it again when somebody drops it into an inbox; so it outlives its job.
_SECOND = (
    "ALTER TABLE job ADD COLUMN fingerprint TEXT",
    "ALTER TABLE job ADD COLUMN left_behind TEXT",
    "ALTER TABLE job ADD COLUMN purged_at REAL",
    "CREATE INDEX job_by_fingerprint ON job (fingerprint) WHERE fingerprint IS NOT NULL",
    "CREATE INDEX job_that_left ON job (id) WHERE left_behind IS NOT NULL",
    "ALTER TABLE history ADD COLUMN times INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE history ADD COLUMN last_at REAL",
    """
    CREATE TABLE output (
        fingerprint TEXT NOT NULL,
        job_id TEXT NOT NULL,
        role TEXT NOT NULL,
        path BLOB NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (fingerprint, job_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX output_by_path ON output (path)",
)

# job.figures: what its last try has cost, as JSON (model/figures.py).
_THIRD = ("ALTER TABLE job ADD COLUMN figures TEXT",)

# job.priority: the higher comes first (model/job.py). score: what a search for an encoder's quality has found, by content and
# settings, as JSON.
_FOURTH = (
    "ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE score (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH)
