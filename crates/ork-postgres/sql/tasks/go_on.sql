-- The task is not over: back to its queue, waiting for its next attempt, or for decisions. If its attempt is not over either
-- (`open_as`), lease and outcome say how its last lease ended.
UPDATE tasks t
SET status = s.status, attempt = s.attempt, failures = s.failures, lost = s.lost, available_at = s.available_at,
    error = coalesce(s.error::json, t.error), open_as = s.open_as, lease = s.lease, outcome = s.outcome
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::bigint[], $8::text[],
            $9::text[], $10::bigint[], $11::text[])
     AS s (run_id, n, status, attempt, failures, lost, available_at, error, open_as, lease, outcome)
WHERE t.run_id = ANY (ARRAY[s.run_id]) AND t.n = s.n AND t.status IN ('pending', 'waiting', 'retrying')
