-- The fence: whoever deletes the lease settles the attempt. The arrays come sorted, so that two batches take shared rows in
-- the same order. Not by ctid: a lease that was updated a moment ago would be missed.
--
-- `= ANY (ARRAY[…])` instead of `=`, here and wherever a batch writes rows by their key: with `=` PostgreSQL may walk over the
-- whole index and compare each row with the batch, which looks as good while the table is tiny, and such a plan is kept.
-- `IS NOT DISTINCT FROM` keeps it off the index that has `lease` in it.
DELETE FROM leases l
USING unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) AS s (run_id, n, attempt, lease)
WHERE l.run_id = ANY (ARRAY[s.run_id]) AND l.n = s.n AND l.attempt = s.attempt AND l.lease IS NOT DISTINCT FROM s.lease
  AND ($5::uuid IS NULL OR l.workspace_id = $5)
RETURNING l.run_id, l.n, l.g, l.attempt, l.lease, l.worker_id, l.dispatched_at, l.started_at, l.execution_name,
          l.concurrency_key IS NOT NULL AS holds_slot
