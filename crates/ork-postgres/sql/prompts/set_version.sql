UPDATE prompts SET version = $3 WHERE workspace_id = $1 AND id = $2
