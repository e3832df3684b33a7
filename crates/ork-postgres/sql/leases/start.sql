UPDATE leases l SET started_at = s.started_at, execution_name = s.execution_name
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::text[]) AS s (run_id, n, started_at, execution_name)
WHERE l.run_id = s.run_id AND l.n = s.n
