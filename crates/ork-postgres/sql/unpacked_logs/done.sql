DELETE FROM unpacked_logs WHERE run_id = $1 AND n = $2 AND attempt = $3
    AND NOT EXISTS (SELECT 1 FROM logs WHERE run_id = $1 AND n = $2 AND attempt = $3)
