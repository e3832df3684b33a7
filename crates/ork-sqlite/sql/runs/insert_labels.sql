INSERT INTO run_labels (run_id, key, value, workspace_id) VALUES (?1, ?2, ?3, ?4)
