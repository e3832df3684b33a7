-- The first row may be one of which the reader has had a part: its last number decides, and the index leads to it.
SELECT feed, run_id, workspace_id, seq, seq_last, type, tasks, actor_kind, actor_id, payload, created_at FROM events
WHERE (feed, run_id) >= (?1, ?2) AND (feed, run_id, seq_last) > (?1, ?2, ?3)
ORDER BY feed, run_id, seq LIMIT ?4
