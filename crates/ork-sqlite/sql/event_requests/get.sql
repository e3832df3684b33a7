SELECT seq, seq_last FROM event_requests WHERE run_id = ?1 AND request_key = ?2
