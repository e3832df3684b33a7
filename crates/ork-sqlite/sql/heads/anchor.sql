SELECT seq, sealed_seq FROM run_heads WHERE run_id = ?1 AND (?2 IS NULL OR workspace_id = ?2)
