-- Logs: places by bytes and line breaks, and packed parts.

CREATE TABLE logs_by_place (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    start        INTEGER NOT NULL,
    line         INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    stream       TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr', 'ork')),
    bytes        BLOB NOT NULL,
    PRIMARY KEY (run_id, n, attempt, start)
) STRICT;
INSERT INTO logs_by_place (run_id, n, attempt, start, line, workspace_id, stream, bytes)
SELECT run_id, n, attempt, coalesce(sum(length(bytes)) OVER before, 0),
       coalesce(sum(length(bytes) - length(CAST(replace(CAST(bytes AS TEXT), char(10), '') AS BLOB))) OVER before, 0),
       workspace_id, stream, bytes
FROM logs
WHERE length(bytes) > 0
WINDOW before AS (PARTITION BY run_id, n, attempt ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING);
DROP TABLE logs;
ALTER TABLE logs_by_place RENAME TO logs;

-- Parts that have taken the place of chunks, once the attempt was over. The packed bytes are here or in the artifact store.
CREATE TABLE log_parts (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    start        INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    length       INTEGER NOT NULL CHECK (length > 0),
    line         INTEGER NOT NULL,
    lines        INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    blob_key     TEXT,
    bytes        BLOB,
    PRIMARY KEY (run_id, n, attempt, start),
    CHECK ((blob_key IS NULL) <> (bytes IS NULL))
) STRICT;

-- Logs that are large enough to be packed, and of which something is not packed yet. Their attempts may be at work.
CREATE TABLE unpacked_logs (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    PRIMARY KEY (run_id, n, attempt)
) STRICT, WITHOUT ROWID;
INSERT INTO unpacked_logs (run_id, n, attempt, workspace_id)
SELECT DISTINCT run_id, n, attempt, workspace_id FROM logs WHERE start + length(bytes) >= 16384;
