SELECT id, workspace_id, name, principal, role, queues, prefix, key_id, created_by, created_at, expires_at, last_used_at,
       revoked_at
FROM api_tokens
WHERE ($2::uuid IS NULL OR id < $2) AND ($1::uuid IS NULL OR workspace_id = $1)
ORDER BY id DESC
LIMIT $3
