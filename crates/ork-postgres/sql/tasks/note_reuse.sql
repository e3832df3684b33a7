UPDATE tasks t SET reused_run_id = s.reused_run_id, reused_n = s.reused_n
FROM (
    SELECT s.*, own.place
    FROM unnest($2::integer[], $3::uuid[], $4::integer[]) AS s (n, reused_run_id, reused_n)
    CROSS JOIN LATERAL (SELECT own.ctid AS place FROM tasks own WHERE own.run_id = $1 AND own.n = s.n OFFSET 0) AS own
) AS s
WHERE t.ctid = s.place
