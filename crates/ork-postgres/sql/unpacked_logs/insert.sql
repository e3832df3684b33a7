-- A row that is there is locked: whoever packs the log waits, and sees the chunks that came with this.
INSERT INTO unpacked_logs (run_id, n, attempt, workspace_id)
SELECT DISTINCT l.run_id, l.n, l.attempt, l.workspace_id
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bigint[]) AS s (run_id, n, attempt, start)
JOIN logs l ON l.run_id = s.run_id AND l.n = s.n AND l.attempt = s.attempt AND l.start = s.start
    AND ($5::uuid IS NULL OR l.workspace_id = $5)
ORDER BY l.run_id, l.n, l.attempt
ON CONFLICT (run_id, n, attempt) DO UPDATE SET workspace_id = excluded.workspace_id
