SELECT run_id FROM pruned_runs WHERE NOT swept ORDER BY run_id LIMIT 1
