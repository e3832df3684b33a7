UPDATE pruned_runs SET swept = true WHERE run_id = ANY ($1::uuid[])
