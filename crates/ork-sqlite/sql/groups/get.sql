SELECT g, key, children, parents, run_if, deep, evaluated, lane, priority, concurrency_key, concurrency_limit, retry,
       at_most_once, phase, first, rest, size, items, tasks_left, tasks_bad, tasks_unmet, parents_left, parents_bad,
       parents_unmet, ended
FROM groups WHERE run_id = ?1 AND g = ?2
