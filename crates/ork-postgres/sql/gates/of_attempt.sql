SELECT * FROM v_gates WHERE run_id = $1 AND n = $2 AND attempt = $3 ORDER BY id
