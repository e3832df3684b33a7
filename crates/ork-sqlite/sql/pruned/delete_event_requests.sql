DELETE FROM event_requests WHERE run_id = ?1
    AND request_key IN (SELECT request_key FROM event_requests WHERE run_id = ?1 ORDER BY request_key LIMIT ?2)
