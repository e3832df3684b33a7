INSERT INTO logs (run_id, n, attempt, position, workspace_id, stream, bytes)
SELECT s.run_id, s.n, s.attempt, s.position, r.workspace_id, s.stream, s.bytes
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::bytea[])
     AS s (run_id, n, attempt, position, stream, bytes)
JOIN runs r ON r.id = s.run_id AND ($7::uuid IS NULL OR r.workspace_id = $7)
ON CONFLICT DO NOTHING
