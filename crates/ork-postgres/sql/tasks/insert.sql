-- Ranges of pending tasks: a run, a group, its tasks' numbers, and the index of the first.
INSERT INTO tasks (run_id, n, workspace_id, g, task_index, status)
SELECT s.run_id, number, s.workspace_id, s.g, s.index_first + (number - s.n_first), 'pending'
FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::integer[])
     AS s (run_id, workspace_id, g, n_first, n_last, index_first)
CROSS JOIN generate_series(s.n_first, s.n_last) AS number
