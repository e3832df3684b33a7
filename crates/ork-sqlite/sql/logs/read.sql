SELECT start, line, stream, bytes FROM logs
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND (?5 IS NULL OR workspace_id = ?5) AND start >= coalesce(
    (SELECT max(start) FROM logs WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND start <= ?4), 0)
ORDER BY start
