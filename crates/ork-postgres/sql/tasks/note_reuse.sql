UPDATE tasks t SET reused_run_id = s.reused_run_id, reused_n = s.reused_n
FROM unnest($2::integer[], $3::uuid[], $4::integer[]) AS s (n, reused_run_id, reused_n)
WHERE t.run_id = $1 AND t.n = s.n
