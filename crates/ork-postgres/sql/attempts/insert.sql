INSERT INTO attempts (run_id, n, attempt, workspace_id, lease, worker_id, execution_name, outcome, error, exit_code, signal,
                      cpu_ms, memory_bytes_max, dispatched_at, started_at, finished_at)
SELECT s.run_id, s.n, s.attempt, s.workspace_id, s.lease, s.worker_id, s.execution_name, s.outcome, s.error::json, s.exit_code,
       s.signal, s.cpu_ms, s.memory_bytes_max, s.dispatched_at, s.started_at, s.finished_at
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[],
            $10::integer[], $11::integer[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[])
     AS s (run_id, n, attempt, workspace_id, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms,
           memory_bytes_max, dispatched_at, started_at, finished_at)
