-- Not what is packed already.
INSERT INTO logs (run_id, n, attempt, start, line, workspace_id, stream, bytes)
SELECT s.run_id, s.n, s.attempt, s.start, s.line, r.workspace_id, s.stream, s.bytes
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $7::bytea[])
     AS s (run_id, n, attempt, start, line, stream, bytes)
JOIN runs r ON r.id = s.run_id AND ($8::uuid IS NULL OR r.workspace_id = $8)
WHERE NOT EXISTS (
    SELECT 1 FROM log_parts p
    WHERE p.run_id = s.run_id AND p.n = s.n AND p.attempt = s.attempt AND p.start + p.length >= s.start + length(s.bytes))
ON CONFLICT DO NOTHING
