SELECT feed, run_id, seq_last FROM events WHERE feed > 0 ORDER BY feed DESC, run_id DESC, seq DESC LIMIT 1
