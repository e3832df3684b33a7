DELETE FROM budgets WHERE workspace_id = $1 AND period = $2
