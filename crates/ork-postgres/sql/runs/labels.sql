SELECT run_id, key, value FROM run_labels WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id, key
