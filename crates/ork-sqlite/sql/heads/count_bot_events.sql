-- As many more, if they fit.
UPDATE run_heads SET bot_events = bot_events + ?2 WHERE run_id = ?1 AND bot_events + ?2 <= ?3
