-- The attempt is over and the task is not: back to its queue, or waiting for its next attempt.
UPDATE tasks t
SET status = s.status, attempt = s.attempt, failures = s.failures, lost = s.lost, available_at = s.available_at,
    error = coalesce(s.error::json, t.error)
FROM (
    SELECT s.*, own.place
    FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::bigint[], $8::text[])
         AS s (run_id, n, status, attempt, failures, lost, available_at, error)
    CROSS JOIN LATERAL (SELECT own.ctid AS place FROM tasks own WHERE own.run_id = s.run_id AND own.n = s.n AND own.status IN ('pending', 'waiting', 'retrying') OFFSET 0) AS own
) AS s
WHERE t.ctid = s.place
