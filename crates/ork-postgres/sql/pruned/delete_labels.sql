DELETE FROM run_labels WHERE run_id = ANY ($1::uuid[])
