SELECT workspace_id FROM unpacked_logs WHERE run_id = $1 AND n = $2 AND attempt = $3 FOR UPDATE
