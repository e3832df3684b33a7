-- Their locks are ours (`leases/lock`).
UPDATE leases l SET started_at = s.started_at, execution_name = s.execution_name
FROM unnest($1::text[]::tid[], $2::bigint[], $3::text[]) AS s (place, started_at, execution_name)
WHERE l.ctid = s.place
