SELECT workspace_id, plan, input, project, host FROM runs WHERE id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
