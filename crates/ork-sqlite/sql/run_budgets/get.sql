SELECT * FROM v_budgets WHERE run_id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
