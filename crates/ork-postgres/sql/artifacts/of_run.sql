SELECT * FROM v_artifacts WHERE run_id = $1 ORDER BY id
