INSERT INTO run_labels (run_id, key, value, workspace_id)
SELECT $1, s.key, s.value, $2 FROM unnest($3::text[], $4::text[]) AS s (key, value)
