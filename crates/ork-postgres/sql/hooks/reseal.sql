UPDATE hooks SET secret = $4 WHERE key = $2 AND workspace_id = $1 AND secret = $3
