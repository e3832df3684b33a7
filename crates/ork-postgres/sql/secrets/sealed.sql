SELECT name, ciphertext FROM secrets
WHERE workspace_id = $1 AND name = ANY ($2::text[]) ORDER BY name
