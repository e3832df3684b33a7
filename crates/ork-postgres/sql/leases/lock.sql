-- The leases that are about to start, with what they were. The lock is the row's: a settle that deletes it waits.
SELECT l.run_id, l.n, l.g, l.attempt, l.lease, l.worker_id, l.dispatched_at, l.started_at, l.execution_name
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) AS s (run_id, n, attempt, lease)
JOIN leases l ON l.run_id = s.run_id AND l.n = s.n AND l.attempt = s.attempt AND l.lease = s.lease
WHERE $5::uuid IS NULL OR l.workspace_id = $5
ORDER BY l.run_id, l.n
FOR NO KEY UPDATE OF l
