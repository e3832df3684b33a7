-- Logs: places by bytes and line breaks, and packed parts.

ALTER TABLE logs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE logs ADD COLUMN start bigint, ADD COLUMN line bigint;
UPDATE logs SET start = place.start, line = place.line
FROM (
    SELECT run_id, n, attempt, position, coalesce(sum(length(bytes)) OVER before, 0) AS start,
           coalesce(sum(length(shown) - length(replace(shown, E'\n', ''))) OVER before, 0) AS line
    FROM (SELECT run_id, n, attempt, position, bytes, encode(bytes, 'escape') AS shown FROM logs) AS own
    WINDOW before AS (PARTITION BY run_id, n, attempt ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS place
WHERE (logs.run_id, logs.n, logs.attempt, logs.position) = (place.run_id, place.n, place.attempt, place.position);
DELETE FROM logs WHERE length(bytes) = 0;
ALTER TABLE logs
    DROP CONSTRAINT logs_pkey,
    DROP CONSTRAINT logs_stream_check,
    DROP COLUMN position,
    ALTER COLUMN start SET NOT NULL,
    ALTER COLUMN line SET NOT NULL,
    ADD CONSTRAINT logs_pkey PRIMARY KEY (run_id, n, attempt, start),
    ADD CONSTRAINT logs_stream_check CHECK (stream IN ('stdout', 'stderr', 'ork'));

-- Parts that have taken the place of chunks, once the attempt was over. The packed bytes are here or in the artifact store.
CREATE TABLE log_parts (
    run_id       uuid NOT NULL,
    n            integer NOT NULL,
    attempt      integer NOT NULL,
    start        bigint NOT NULL,
    workspace_id uuid NOT NULL,
    length       bigint NOT NULL CHECK (length > 0),
    line         bigint NOT NULL,
    lines        bigint NOT NULL,
    size         bigint NOT NULL,
    blob_key     text,
    bytes        bytea,
    PRIMARY KEY (run_id, n, attempt, start),
    CHECK ((blob_key IS NULL) <> (bytes IS NULL))
);
-- They are packed already.
ALTER TABLE log_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Logs that are large enough to be packed, and of which something is not packed yet. Their attempts may be at work.
CREATE TABLE unpacked_logs (
    run_id       uuid NOT NULL,
    n            integer NOT NULL,
    attempt      integer NOT NULL,
    workspace_id uuid NOT NULL,
    PRIMARY KEY (run_id, n, attempt)
);
INSERT INTO unpacked_logs (run_id, n, attempt, workspace_id)
SELECT DISTINCT run_id, n, attempt, workspace_id FROM logs WHERE start + length(bytes) >= 16384;
ALTER TABLE logs FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['log_parts', 'unpacked_logs'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO ork_engine USING (true) WITH CHECK (true)', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %1$I TO ork_api USING (ork_place(workspace_id) <> ''foreign''
             AND ((SELECT ork_sees()) <> ''own'' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = %1$I.run_id OFFSET 0)))', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON log_parts TO ork_engine;
GRANT SELECT ON log_parts TO ork_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON unpacked_logs TO ork_engine;
GRANT SELECT, INSERT, UPDATE ON unpacked_logs TO ork_api;
