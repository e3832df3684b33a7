-- What a change says of the wide part of runs: first dispatch, first failure, end.
UPDATE runs r
SET started_at = coalesce(r.started_at, s.started_at), error = coalesce(r.error, s.error::json),
    finished_at = coalesce(r.finished_at, s.finished_at), result = coalesce(r.result, s.result::json)
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
     AS s (run_id, started_at, error, finished_at, result)
WHERE r.id = ANY (ARRAY[s.run_id])
