-- Everything that could run and is nowhere: a pause took it out of the queue.
SELECT t.run_id, t.n, t.g, t.task_index, t.attempt FROM tasks t
CROSS JOIN LATERAL (SELECT phase FROM groups WHERE run_id = t.run_id AND g = t.g OFFSET 0) AS gr
WHERE t.run_id = $1 AND t.status IN ('pending', 'retrying') AND gr.phase = 'released'
  AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.run_id = t.run_id AND l.n = t.n OFFSET 0)
  AND NOT EXISTS (SELECT 1 FROM delayed d WHERE d.run_id = t.run_id AND d.n = t.n OFFSET 0)
  AND NOT EXISTS (SELECT 1 FROM ready q WHERE q.run_id = t.run_id AND q.n = t.n OFFSET 0)
  AND NOT EXISTS (SELECT 1 FROM held x WHERE x.run_id = t.run_id AND x.n = t.n OFFSET 0)
ORDER BY t.n
