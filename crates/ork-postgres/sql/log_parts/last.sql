SELECT start + length FROM log_parts WHERE run_id = $1 AND n = $2 AND attempt = $3 ORDER BY start DESC LIMIT 1
