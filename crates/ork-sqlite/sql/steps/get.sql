SELECT * FROM steps WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND round = ?4 AND position = ?5 AND try = ?6
