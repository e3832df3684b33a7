-- The attempt is over and the task is not: back to its queue, or waiting for its next attempt.
UPDATE tasks t
SET status = s.status, attempt = s.attempt, failures = s.failures, lost = s.lost, available_at = s.available_at,
    error = coalesce(s.error::json, t.error)
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::bigint[], $8::text[])
     AS s (run_id, n, status, attempt, failures, lost, available_at, error)
WHERE t.run_id = ANY (ARRAY[s.run_id]) AND t.n = s.n AND t.status IN ('pending', 'waiting', 'retrying')
