SELECT id, workspace_id, name, url, events, format, secret, previous_secret, previous_until, slot, created_by, created_at, updated_at,
       disabled_at, disabled_because
FROM webhook_endpoints WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
