SELECT number, parts, bytes, checksum FROM saved_works WHERE run_id = $1 AND n = $2 AND attempt = $3
