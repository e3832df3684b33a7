-- The live tasks of a released group, with the number of their next attempt.
SELECT n, task_index, attempt + 1 FROM tasks
WHERE run_id = ?1 AND g = ?2 AND status IN ('pending', 'waiting', 'retrying') ORDER BY task_index
