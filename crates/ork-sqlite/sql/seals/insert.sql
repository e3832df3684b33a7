-- Only behind the last one: whoever comes second finds that the events are sealed.
INSERT INTO seals (run_id, number, workspace_id, seq, seq_last, key_id, link, marks, sealed_at)
SELECT h.run_id, ?2, h.workspace_id, ?3, ?4, ?5, ?6, ?7, ?8 FROM run_heads h
WHERE h.run_id = ?1 AND h.sealed_seq = ?3 - 1
ON CONFLICT (run_id, number) DO NOTHING
