-- A terminal state: the last write of the row. The guard is the transition table's: terminal is final. What ends without an
-- attempt keeps its last error.
UPDATE tasks t
SET status = s.status, reason = s.reason, attempt = greatest(t.attempt, s.attempt), failures = greatest(t.failures, s.failures),
    lost = greatest(t.lost, s.lost), available_at = NULL, open_as = NULL, output = s.output::json,
    error = CASE WHEN s.lease IS NULL THEN coalesce(s.error::json, t.error) ELSE s.error::json END, lease = s.lease,
    worker_id = s.worker_id, execution_name = s.execution_name, outcome = s.outcome, exit_code = s.exit_code,
    signal = s.signal, cpu_ms = s.cpu_ms, memory_bytes_max = s.memory_bytes_max, dispatched_at = s.dispatched_at,
    started_at = s.started_at, finished_at = s.finished_at
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
            $9::text[], $10::bigint[], $11::uuid[], $12::text[], $13::text[], $14::integer[], $15::integer[], $16::bigint[],
            $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[])
     AS s (run_id, n, status, reason, attempt, failures, lost, output, error, lease, worker_id, execution_name, outcome,
           exit_code, signal, cpu_ms, memory_bytes_max, dispatched_at, started_at, finished_at)
WHERE t.run_id = ANY (ARRAY[s.run_id]) AND t.n = s.n AND t.status IN ('pending', 'waiting', 'retrying')
