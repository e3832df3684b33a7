SELECT * FROM v_budgets WHERE run_id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)
