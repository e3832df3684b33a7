-- With `g` known, the plan goes along the whole key of `groups` also when it is made while there are few.
SELECT * FROM v_tasks
WHERE run_id = $1 AND n = $2 AND g = (SELECT g FROM tasks WHERE run_id = $1 AND n = $2) AND ($3::uuid IS NULL OR workspace_id = $3)
