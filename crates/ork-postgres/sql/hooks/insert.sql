INSERT INTO hooks (workspace_id, name, key, workflow, secret, input, created_by, created_at)
SELECT $1::uuid, $2::text, $3::text, $4::text, $5::bytea, $6::text::json, $7::text, $8::bigint
WHERE (SELECT count(*) FROM hooks WHERE workspace_id = $1) < $9::bigint
ON CONFLICT (key) DO NOTHING
