-- The tables of a journal, version 1: docs/journal.md.
CREATE TABLE runs (
    id        TEXT PRIMARY KEY,             -- a ULID
    document  TEXT NOT NULL,                -- as it was named
    workflow  TEXT NOT NULL,
    status    TEXT NOT NULL,                -- running, succeeded, ended, failed, stopped, cancelled
    exit      INTEGER,                      -- the exit code; null while it runs
    step      TEXT,                         -- where it is, or where it failed
    reason    TEXT,                         -- why it did not succeed: a code of `arazzo explain`
    began     INTEGER NOT NULL,             -- ms since 1970, as all times but those in events
    updated   INTEGER NOT NULL,
    owner     TEXT,                         -- the process that has it; null if none does
    pid       INTEGER,
    alive     INTEGER,                      -- when the owner was last seen
    cancel    INTEGER NOT NULL DEFAULT 0,   -- 1: the owner is asked to stop it
    arazzo    TEXT NOT NULL,                -- the version that began it
    key       TEXT NOT NULL,                -- the id of the key of everything that is encrypted
    setup     TEXT NOT NULL,                -- JSON: how its documents are read, and what it may do
    outcome   BLOB,                         -- encrypted; null while it runs
    ending    TEXT                          -- JSON: the last events of a run that has ended
) STRICT;
CREATE TABLE states (
    run       TEXT PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    state     TEXT NOT NULL,                -- JSON, without secrets
    secrets   BLOB NOT NULL                 -- encrypted
) STRICT;
CREATE TABLE events (
    run       TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    event     TEXT NOT NULL,                -- a line of `arazzo run --json`
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
    run       TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    call      INTEGER NOT NULL,
    step      TEXT,
    method    TEXT NOT NULL,
    url       TEXT NOT NULL,                -- without secrets
    body      TEXT,                         -- a keyed hash
    sent      INTEGER NOT NULL,
    settled   INTEGER,                      -- null: whether it arrived is not known
    again     INTEGER NOT NULL,             -- 1: it has a key, by which its server knows it when it comes again
    PRIMARY KEY (run, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE texts (
    hash      TEXT PRIMARY KEY,             -- keyed
    text      BLOB NOT NULL                 -- a document and its uri, compressed and encrypted
) STRICT;
CREATE TABLE documents (
    run       TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    place     INTEGER NOT NULL,             -- in the order in which they were read
    hash      TEXT NOT NULL REFERENCES texts,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
