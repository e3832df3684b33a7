SELECT name, ciphertext FROM secrets
WHERE workspace_id = ?1 AND name IN (SELECT value FROM json_each(?2)) ORDER BY name
