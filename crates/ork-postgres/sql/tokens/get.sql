SELECT revoked_at FROM api_tokens WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
