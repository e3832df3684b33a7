-- Keys whose first waiting run may find a slot: a hint, as in `slots/keys`.
SELECT k.workspace_id, k.concurrency_key
FROM (SELECT DISTINCT workspace_id, concurrency_key FROM run_slots
      WHERE NOT admitted AND ($1::uuid IS NULL OR workspace_id = $1)) AS k
WHERE (SELECT w.concurrency_limit FROM run_slots w
       WHERE w.workspace_id = k.workspace_id AND w.concurrency_key = k.concurrency_key AND NOT w.admitted
       ORDER BY w.priority DESC, w.run_id LIMIT 1)
    > (SELECT count(*) FROM run_slots a
       WHERE a.workspace_id = k.workspace_id AND a.concurrency_key = k.concurrency_key AND a.admitted)
ORDER BY 1, 2 LIMIT $2
