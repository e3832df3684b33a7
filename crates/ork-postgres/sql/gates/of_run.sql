SELECT * FROM v_gates WHERE run_id = $1 ORDER BY n, id
