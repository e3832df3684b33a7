UPDATE pruned_runs SET swept = 1 WHERE run_id = ?1
