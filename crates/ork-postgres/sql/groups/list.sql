SELECT g, key, phase, size, items, tasks_left, tasks_bad, tasks_unmet, parents_left, first, rest
FROM groups WHERE run_id = $1 AND ($2::uuid IS NULL OR workspace_id = $2) ORDER BY g
