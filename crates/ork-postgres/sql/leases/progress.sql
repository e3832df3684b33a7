UPDATE leases l SET progress = s.progress, stage = s.stage, message = s.message
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::smallint[], $5::text[], $6::text[])
     AS s (run_id, n, lease, progress, stage, message)
WHERE l.run_id = s.run_id AND l.n = s.n AND l.lease = s.lease AND ($7::uuid IS NULL OR l.workspace_id = $7)
