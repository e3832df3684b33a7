-- Gates of a task that nobody has decided.
SELECT id, attempt, round, position, try, step_name, kind FROM gates
WHERE run_id = ?1 AND n = ?2 AND status = 'open' ORDER BY id
