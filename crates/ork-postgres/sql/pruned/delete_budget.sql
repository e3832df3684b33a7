DELETE FROM run_budgets WHERE run_id = ANY ($1::uuid[])
