-- Of a workspace that does not exist none is made; why there is no new row is looked at afterwards.
INSERT INTO api_tokens (id, workspace_id, name, principal, role, queues, token_hash, prefix, created_by, created_at, expires_at,
                        key_id)
SELECT $1::uuid, w.id, $3::text, $4::text, $5::text, $6::text[], $7::bytea, $8::text, $9::text,
       $10::bigint, $11::bigint, $12::text
FROM workspaces w
WHERE w.id = $2
ON CONFLICT DO NOTHING
