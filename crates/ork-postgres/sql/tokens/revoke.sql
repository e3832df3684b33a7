UPDATE api_tokens SET revoked_at = $3
WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2) AND revoked_at IS NULL
