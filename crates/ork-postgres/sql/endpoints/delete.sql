DELETE FROM webhook_endpoints WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
