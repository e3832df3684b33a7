UPDATE groups
SET phase = ?3, rest = ?4, size = ?5, items = ?6, tasks_left = ?7, tasks_bad = ?8, tasks_unmet = ?9, parents_left = ?10,
    parents_bad = ?11, parents_unmet = ?12, ended = ?13
WHERE run_id = ?1 AND g = ?2
