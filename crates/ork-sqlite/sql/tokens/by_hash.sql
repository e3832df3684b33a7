SELECT t.id, t.workspace_id, t.name, t.principal, t.role, t.queues, t.prefix, t.key_id, t.created_by, t.created_at,
       t.expires_at, t.last_used_at, t.revoked_at, w.name AS workspace_name, w.settings, w.created_at AS workspace_created_at
FROM api_tokens t
JOIN workspaces w ON w.id = t.workspace_id
WHERE t.token_hash = ?1
