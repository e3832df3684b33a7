DELETE FROM run_budgets WHERE run_id = ?1
