-- What a change says of the wide part of runs: first dispatch, first failure, end.
UPDATE runs r
SET started_at = coalesce(r.started_at, s.started_at), error = coalesce(r.error, s.error::json),
    finished_at = coalesce(r.finished_at, s.finished_at), result = coalesce(r.result, s.result::json)
FROM (
    SELECT s.*, own.place
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
         AS s (run_id, started_at, error, finished_at, result)
    CROSS JOIN LATERAL (SELECT own.ctid AS place FROM runs own WHERE own.id = s.run_id OFFSET 0) AS own
) AS s
WHERE r.ctid = s.place
