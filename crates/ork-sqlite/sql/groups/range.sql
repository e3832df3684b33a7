-- A group's tasks: the first, and the range of the others (empty without fan-out). So they are found by the tasks' key.
SELECT first, rest, rest + max(coalesce(size, 1), 1) - 2 FROM groups WHERE run_id = ?1 AND g = ?2
