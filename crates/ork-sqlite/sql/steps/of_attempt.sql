SELECT * FROM steps WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 ORDER BY round, position, try
