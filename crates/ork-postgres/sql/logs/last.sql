-- Of chunks and parts at once: what is packed meanwhile is in one of them.
(SELECT start, line, bytes FROM logs
 WHERE run_id = $1 AND n = $2 AND attempt = $3 AND ($4::uuid IS NULL OR workspace_id = $4)
 ORDER BY start DESC LIMIT 1)
UNION ALL
(SELECT start + length, line + lines, ''::bytea FROM log_parts
 WHERE run_id = $1 AND n = $2 AND attempt = $3 AND ($4::uuid IS NULL OR workspace_id = $4)
 ORDER BY start DESC LIMIT 1)
