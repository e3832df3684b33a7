SELECT bytes FROM work_parts
WHERE run_id = $1 AND n = $2 AND attempt = $3 AND number = $4 AND part = $5 AND ($6::uuid IS NULL OR workspace_id = $6)
