-- Gates of a task that nobody has decided.
SELECT id FROM gates WHERE run_id = $1 AND n = $2 AND status = 'open' ORDER BY id
