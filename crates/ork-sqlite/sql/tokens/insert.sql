-- Of a workspace that does not exist none is made; why there is no new row is looked at afterwards.
INSERT INTO api_tokens (id, workspace_id, name, principal, role, queues, token_hash, prefix, created_by, created_at, expires_at,
                        key_id)
SELECT ?1, w.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
FROM workspaces w
WHERE w.id = ?2
ON CONFLICT DO NOTHING
