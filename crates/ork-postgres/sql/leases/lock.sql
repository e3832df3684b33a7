-- The leases of a start, locked in order, as they were. Their update follows in a statement of its own, whose snapshot is
-- younger than the locks: it can go by ctid, and misses none that was updated a moment before.
SELECT l.run_id, l.n, l.g, l.attempt, l.lease, l.worker_id, l.dispatched_at, l.started_at, l.execution_name,
       l.place::text AS place
FROM (SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) AS s (run_id, n, attempt, lease)
      ORDER BY run_id, n OFFSET 0) AS s
CROSS JOIN LATERAL (
    SELECT own.*, own.ctid AS place FROM leases own
    WHERE own.run_id = s.run_id AND own.n = s.n AND own.attempt = s.attempt AND own.lease = s.lease
      AND ($5::uuid IS NULL OR own.workspace_id = $5)
    FOR NO KEY UPDATE
) AS l
