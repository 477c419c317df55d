-- What version 2 adds to the tables: docs/journal.md.
ALTER TABLE runs ADD COLUMN opening BLOB;   -- inputs and settings, encrypted; null for a run of version 1
CREATE TABLE inputs (
    run       TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    event     INTEGER NOT NULL,             -- the first event that followed from it
    number    INTEGER NOT NULL,             -- from 0; one that is missing is not kept any more
    ms        INTEGER NOT NULL,             -- since the run began
    part      INTEGER NOT NULL,             -- 1: of the end of a run that was stopped; 2: only of one that goes on; 0: of both
    cut       TEXT,                         -- a keyed hash of a body that is too large to be kept
    input     BLOB NOT NULL,                -- compressed and encrypted
    PRIMARY KEY (run, event, number)
) STRICT, WITHOUT ROWID;
