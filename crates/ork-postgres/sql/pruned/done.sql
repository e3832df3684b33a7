UPDATE pruned_runs SET swept = true WHERE run_id = $1
