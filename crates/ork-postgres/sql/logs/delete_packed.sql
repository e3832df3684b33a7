DELETE FROM logs WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start < $4 AND start + length(bytes) <= $4
