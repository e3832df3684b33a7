SELECT id, workspace_id, plan, input, project, host FROM runs WHERE id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR workspace_id = $2)
