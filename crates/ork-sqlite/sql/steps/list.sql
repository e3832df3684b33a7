SELECT * FROM v_steps
WHERE run_id = ?1 AND n = ?2 AND (attempt, round, position, try) > (?3, ?4, ?5, ?6) AND (?7 IS NULL OR workspace_id = ?7)
ORDER BY attempt, round, position, try LIMIT ?8
