-- The attempt that a task's row names is over.
SELECT u.run_id, u.n, u.attempt, u.workspace_id, coalesce(p.start + p.length, 0) AS start, coalesce(p.line + p.lines, 0) AS line
FROM unpacked_logs u
JOIN tasks t ON t.run_id = u.run_id AND t.n = u.n AND t.attempt >= u.attempt
LEFT JOIN log_parts p ON p.run_id = u.run_id AND p.n = u.n AND p.attempt = u.attempt AND p.start = (
    SELECT max(start) FROM log_parts l WHERE l.run_id = u.run_id AND l.n = u.n AND l.attempt = u.attempt)
WHERE (u.run_id, u.n, u.attempt) > (?1, ?2, ?3)
ORDER BY u.run_id, u.n, u.attempt LIMIT ?4
