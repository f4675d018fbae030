-- The store's schema, as steps from one version (SQLite's user_version) to the next. A new database runs all of
-- them, an older one those that it lacks. A released step is never changed; a change is a new step.

-- version: 1

CREATE TABLE jobs (
    id         TEXT PRIMARY KEY,
    state      TEXT NOT NULL,
    folder     TEXT NOT NULL,
    source     BLOB NOT NULL,     -- the path's own bytes: names need not be UTF-8
    output     BLOB NOT NULL,
    gpu        INTEGER NOT NULL,  -- 1 if it takes a share of a GPU: which slots may run it
    priority   INTEGER NOT NULL,
    created_at REAL NOT NULL,     -- Unix time, as all times here
    not_before REAL NOT NULL,
    ended_at   REAL,
    record     TEXT NOT NULL      -- the whole Job, as ASCII JSON; the columns above repeat what is searched for
);

-- A file is never queued twice: at most one unended job has a source.
CREATE UNIQUE INDEX jobs_unended_source ON jobs (source) WHERE ended_at IS NULL;
CREATE INDEX jobs_unended_output ON jobs (output) WHERE ended_at IS NULL;
CREATE INDEX jobs_source ON jobs (source);
CREATE INDEX jobs_queue ON jobs (state, gpu, priority DESC, id);  -- by id, not by time: clocks jump
CREATE INDEX jobs_held ON jobs (folder, not_before) WHERE state = 'held';
CREATE INDEX jobs_wake ON jobs (state, not_before) WHERE ended_at IS NULL;
CREATE INDEX jobs_folder ON jobs (folder, state);
CREATE INDEX jobs_unended_folder ON jobs (folder) WHERE ended_at IS NULL;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE history (
    number  INTEGER PRIMARY KEY,
    job_id  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at      REAL NOT NULL,
    event   TEXT NOT NULL,
    state   TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    codes   TEXT NOT NULL         -- of the job's findings after the event, separated by spaces
);
CREATE INDEX history_job ON history (job_id, number);

CREATE TABLE progress (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    record TEXT NOT NULL
);

-- Requests of other processes to the daemon.
CREATE TABLE requests (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    job_id   TEXT,
    asked_at REAL NOT NULL
);

-- Facts about the daemon, as JSON by name.
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- version: 2

-- The order of the queue: jobs that the user put in front, then the job's own priority (until here, `priority` was
-- that of its folder), then `rank`, what the folder's `order` goes by, then arrival.
ALTER TABLE jobs ADD COLUMN front INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;  -- 1 if the user paused this job
ALTER TABLE jobs ADD COLUMN rank;  -- a number or bytes; NULL where only the arrival counts, or it is not known yet
ALTER TABLE jobs ADD COLUMN arrival INTEGER;  -- counts up; until here, ids did
UPDATE jobs SET arrival = numbered.number
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM jobs) AS numbered WHERE numbered.id = jobs.id;
CREATE INDEX jobs_arrival ON jobs (arrival);
DROP INDEX jobs_queue;
CREATE INDEX jobs_queued ON jobs (folder, gpu, front DESC, priority DESC, rank, arrival)
WHERE state = 'queued' AND paused = 0;

ALTER TABLE requests ADD COLUMN argument TEXT;  -- JSON

-- version: 3

-- Files in the inputs that are not to be queued: sources that stay where they are, and outputs in their place. They are
-- known for as long as they are there, and so for longer than their jobs.
CREATE TABLE known_files (
    folder   TEXT NOT NULL,
    relative BLOB NOT NULL,     -- path below the input
    size     INTEGER NOT NULL,  -- bytes
    output   BLOB,              -- of a source that has one
    seen_at  REAL NOT NULL,
    record   TEXT NOT NULL,     -- the KnownFile, as ASCII JSON
    PRIMARY KEY (folder, relative)
) WITHOUT ROWID;
CREATE INDEX known_files_size ON known_files (folder, size);
CREATE INDEX known_files_output ON known_files (output) WHERE output IS NOT NULL;
CREATE INDEX known_files_seen ON known_files (seen_at);

-- version: 4

-- Files that were moved to done/ or failed/: nothing else there is ever deleted.
CREATE TABLE moved_files (
    path     BLOB PRIMARY KEY,
    size     INTEGER NOT NULL,  -- bytes
    mtime_ns INTEGER NOT NULL,
    moved_at REAL NOT NULL,
    job_id   TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX moved_files_at ON moved_files (moved_at);
