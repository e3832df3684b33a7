SELECT settings FROM workspaces WHERE id = $1
