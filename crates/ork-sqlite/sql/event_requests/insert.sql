INSERT INTO event_requests (run_id, request_key, workspace_id, seq, seq_last) VALUES (?1, ?2, ?3, ?4, ?5)
