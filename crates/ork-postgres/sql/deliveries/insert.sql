INSERT INTO webhook_deliveries (id, workspace_id, run_id, n, endpoint_id, type, url, status, attempts, next_attempt_at, log,
                                created_at)
SELECT s.id, s.workspace_id, s.run_id, s.n, s.endpoint_id, s.type, s.url, 'pending', 0, $8::bigint, '[]'::json, $8
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::text[], $7::text[])
     AS s (id, workspace_id, run_id, n, endpoint_id, type, url)
ON CONFLICT (id) DO NOTHING
